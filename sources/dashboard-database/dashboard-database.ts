import { readAhead } from '../read-ahead.ts';
import {
  SourceError,
  type OpenOptions,
  type Source,
  type SourceActivity,
  type SourceCampaign,
  type SourceCourse,
  type SourceEnrollment,
  type SourceReading,
} from '../source.ts';
import { readActivity } from './activity.ts';
import { parseAddress } from './address.ts';
import { readCampaigns } from './campaigns.ts';
import { key } from './cells.ts';
import { DashboardConnection } from './connection.ts';
import { readCourses, type Reread, type Window } from './courses.ts';
import { readEnrollments } from './enrollments.ts';
import { lack } from './failures.ts';
import { turnsOf } from './rereading.ts';
import { quoted, requiredGrants } from './tables.ts';
import { Warnings } from './warnings.ts';
import { readWikis, type WikiDomains } from './wikis.ts';

export interface DashboardDatabaseOptions {
  /** `mysql://user:password@host:3306/database`, with `?ssl=true` to encrypt. */
  readonly url: string;
}

/** Ids alone. */
const idsPerBatch = 10_000;

/**
 * The Dashboard's own database, MariaDB or MySQL 8: one connection, one read-only
 * transaction that sees one moment, nothing but the columns of `requiredGrants`, and of
 * courses that are not public nothing but their ids. Which time slices are read is said
 * in rereading.ts.
 */
export function dashboardDatabaseSource(options: DashboardDatabaseOptions): Source {
  return {
    kind: 'dashboard_database',
    async open(opening) {
      const database = await DashboardConnection.open(parseAddress(options.url), opening.signal);
      try {
        await checkTables(database);
        await database.begin();
        const warnings = new Warnings();
        const domains = await readWikis(database, warnings);
        const [clock] = await database.rows(['read_at'], 'select utc_timestamp() as read_at');
        return new DashboardReading({
          database,
          warnings,
          domains,
          databaseTime: String(clock?.read_at),
          opening,
        });
      } catch (error) {
        await database.close();
        throw error;
      }
    },
  };
}

interface ReadingParts {
  readonly database: DashboardConnection;
  readonly warnings: Warnings;
  readonly domains: WikiDomains;
  readonly databaseTime: string;
  readonly opening: OpenOptions;
}

class DashboardReading implements SourceReading {
  /** By the clock that was given: the transaction begins the moment a run opens its source. */
  readonly readAt: Date;
  readonly countsPeople = true;
  readonly #parts: ReadingParts;
  readonly #campaignIds = new Set<number>();
  readonly #windows = new Map<number, Window>();
  readonly #reread = new Map<number, Reread>();
  #part = '';
  #rows = 0;

  constructor(parts: ReadingParts) {
    this.#parts = parts;
    this.readAt = new Date(Math.floor(parts.opening.now.getTime() / 1000) * 1000);
  }

  async *campaigns(): AsyncGenerator<SourceCampaign[]> {
    const { database, warnings } = this.#parts;
    this.#begin('campaigns');
    const greatest = await greatestId(database, 'campaigns');
    for await (const campaigns of readCampaigns(database, warnings)) {
      for (const campaign of campaigns) this.#campaignIds.add(campaign.campaignId);
      this.#advance(campaigns.length, (campaigns.at(-1)?.campaignId ?? 0) / greatest);
      yield campaigns;
    }
    this.#advance(0, 1);
  }

  async *wikis(): AsyncGenerator<string[]> {
    yield [...this.#parts.domains.values()].filter((domain) => domain !== null);
  }

  async *courses(): AsyncGenerator<SourceCourse[]> {
    const { database, warnings, domains, databaseTime, opening } = this.#parts;
    this.#begin('courses');
    const greatest = await greatestId(database, 'courses');
    const batches = readCourses({
      database,
      warnings,
      domains,
      campaignIds: this.#campaignIds,
      markers: opening.markers,
      turns: turnsOf(opening.markers, opening.now),
      readAt: databaseTime,
      windows: this.#windows,
      reread: this.#reread,
    });
    for await (const courses of readAhead(batches)) {
      this.#advance(courses.length, (courses.at(-1)?.courseId ?? 0) / greatest);
      yield courses;
    }
    this.#advance(0, 1);
  }

  async *hiddenCourseIds(): AsyncGenerator<number[]> {
    for (let after = 0; ;) {
      const rows = await this.#parts.database.rows(
        ['id'],
        `select id from courses where id > ${after} and (private <> 0 or private is null)
         order by id limit ${idsPerBatch}`,
      );
      const ids = rows.map((row) => key(row.id));
      const last = ids.at(-1);
      if (last === undefined) return;
      after = last;
      yield ids;
    }
  }

  async *enrollments(): AsyncGenerator<SourceEnrollment[]> {
    const { database, warnings } = this.#parts;
    this.#begin('enrollments');
    const greatest = await greatestId(database, 'courses_users');
    const batches = readEnrollments(database, this.#windows, warnings);
    for await (const { enrollments, last } of readAhead(batches)) {
      this.#advance(enrollments.length, last / greatest);
      yield enrollments;
    }
    this.#advance(0, 1);
  }

  async *activity(): AsyncGenerator<SourceActivity[]> {
    const { database, warnings, domains } = this.#parts;
    this.#begin('time slices');
    const tracked = new Map(Array.from(this.#reread, ([id, { wikis }]) => [id, wikis]));
    const total = Array.from(this.#reread.values()).reduce((sum, { slices }) => sum + slices, 0);
    const batches = readActivity(database, tracked, domains, warnings);
    for await (const { activity, slices } of readAhead(batches)) {
      this.#advance(slices, (this.#rows + slices) / total);
      yield activity;
    }
    this.#advance(0, 1);
  }

  warnings(): ReadonlyMap<string, number> {
    return this.#parts.warnings.counts;
  }

  async close(): Promise<void> {
    await this.#parts.database.close();
  }

  #begin(part: string): void {
    this.#part = part;
    this.#rows = 0;
    this.#parts.opening.onProgress?.({ part, rows: 0, total: null });
  }

  /** `done`: how far the part has come, 0 to 1, by what is in the order of its reading. */
  #advance(more: number, done: number): void {
    this.#rows += more;
    const rows = this.#rows;
    const total = done > 0 ? Math.round(rows / Math.min(done, 1)) : null;
    this.#parts.opening.onProgress?.({ part: this.#part, rows, total });
  }
}

/**
 * A look at the end of the primary key, where counting would read the whole table. Only when
 * the table is about to be read: a transaction keeps whoever would alter or lock it waiting.
 */
async function greatestId(
  database: DashboardConnection,
  table: 'campaigns' | 'courses' | 'courses_users',
): Promise<number> {
  const [row] = await database.rows(['greatest'], `select max(id) as greatest from ${table}`);
  return Number(row?.greatest ?? 0);
}

/** Asks for every column that will be read, so that a lack shows before anything is read. */
async function checkTables(database: DashboardConnection): Promise<void> {
  const lacks = new Set<string>();
  for (const { table, columns } of requiredGrants) {
    if ((await problem(database, table, columns)) === undefined) continue;
    for (const column of columns) {
      const failure = await problem(database, table, [column]);
      if (failure === undefined) continue;
      const what = lack(failure, table, column, database.address.user);
      if (what === undefined) throw failure;
      lacks.add(what);
    }
  }
  if (lacks.size === 0) return;
  const problems = [...lacks];
  const others = problems.length > 3 ? `, and ${problems.length - 3} more lacks` : '';
  throw new SourceError(
    `The Dashboard's database cannot be read: ${problems.slice(0, 3).join('; ')}${others}.`,
    problems,
  );
}

async function problem(
  database: DashboardConnection,
  table: string,
  columns: readonly string[],
): Promise<SourceError | undefined> {
  try {
    await database.rows(columns, `select ${columns.map(quoted).join(', ')} from ${table} limit 0`);
    return undefined;
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
}
