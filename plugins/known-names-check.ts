import type { FastifyInstance } from 'fastify';
import {
  findUnknownCampaigns,
  findUnknownWikis,
  listKnownNames,
} from '../db/queries/known-names.ts';
import type { StoreState } from '../db/queries/store-state.ts';
import { none, type Filters } from '../openapi/filters.ts';
import type { ParameterFault } from './errors.ts';
import { closestName, nearestName } from './nearest-name.ts';
import { quote } from './parameter-sentences.ts';
import { SharedReading } from './shared-reading.ts';

/** What the values of each parameter are names of. */
const kinds = { campaign: 'campaign', wiki: 'wiki', home_wiki: 'wiki', type: 'type' } as const;
type Parameter = keyof typeof kinds;
type State = Pick<StoreState, 'revision' | 'newestId'>;

/** Looking for the nearest of thousands of names takes milliseconds: so many are named. */
const helped = 10;

/**
 * Says which values of filters name nothing. Names are kept in memory: while the store's
 * revision stands they only become more, so a name that is not among them is looked for
 * again if there has been a snapshot since.
 */
export class KnownNamesCheck {
  readonly #sql: FastifyInstance['sql'];
  readonly #reading: SharedReading<Record<Parameter, ReadonlySet<string>>>;
  #names: Record<Parameter, ReadonlySet<string>> | undefined;
  #of: State | undefined;

  constructor(sql: FastifyInstance['sql']) {
    this.#sql = sql;
    this.#reading = new SharedReading(async () => {
      const names = await listKnownNames(sql);
      return {
        campaign: new Set([...names.campaign].sort(shorterFirst)),
        // Those that most courses track come first.
        wiki: new Set(names.wiki),
        home_wiki: new Set(names.home_wiki),
        type: new Set([...names.type].sort(shorterFirst)),
      };
    });
  }

  /** One problem at most for each parameter, about all of its unknown values. */
  async problems(filters: Filters, state: State): Promise<ParameterFault[]> {
    const asked = (Object.keys(kinds) as Parameter[]).filter((name) => name in filters);
    if (asked.length === 0) return [];
    if (this.#of?.revision !== state.revision) await this.#read(state);
    let unknown = this.#unknown(filters, asked);
    if (unknown.length === 0) return [];
    if (this.#of?.newestId !== state.newestId) {
      await this.#read(state);
      unknown = this.#unknown(filters, asked);
    }
    // A campaign or a wiki can be new without a snapshot.
    for (const entry of unknown) {
      const kind = kinds[entry.name];
      if (kind === 'type') continue;
      const findUnknown = kind === 'campaign' ? findUnknownCampaigns : findUnknownWikis;
      entry.values = await findUnknown(this.#sql, entry.values);
    }
    return unknown.filter(({ values }) => values.length > 0).map((entry) => this.#problem(entry));
  }

  /** The state was read before the names are: they are at least as new. */
  async #read(state: State): Promise<void> {
    this.#names = await this.#reading.read();
    this.#of = state;
  }

  #unknown(filters: Filters, asked: readonly Parameter[]): Unknown[] {
    return asked.flatMap((name) => {
      const known = this.#names?.[name];
      const values = (filters[name] ?? []).filter(
        (value) => value !== none && known?.has(value) !== true,
      );
      return values.length === 0 ? [] : [{ name, values }];
    });
  }

  #problem({ name, values }: Unknown): ParameterFault {
    const known = this.#names?.[name] ?? new Set();
    const detailWith = (hint: (value: string) => string): string => {
      const sentences = values.slice(0, helped).map((value) => {
        const what = `names no ${kinds[name]} that is known here; got ${quote(value)}`;
        return what + hint(value);
      });
      const further = values.length - sentences.length;
      return sentences.join('; ') + (further > 0 ? `; and ${String(further)} more` : '');
    };
    return {
      in: 'query',
      name,
      detail: detailWith(() => ''),
      inFull: () => detailWith((value) => `, did you mean ${JSON.stringify(near(value, known))}?`),
    };
  }
}

function near(value: string, known: ReadonlySet<string>): string {
  // Not for just any short value, of which it is likely to be the closest.
  const others = nearestName(value, [none]) === undefined ? [] : [none];
  return closestName(value, [...known, ...others]) ?? none;
}

interface Unknown {
  readonly name: Parameter;
  values: string[];
}

function shorterFirst(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
