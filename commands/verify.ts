/**
 * `npm run verify -- URL [--snapshot ID]`: downloads a snapshot and says whether its files are
 * what they are said to be, and whether its totals are what its rows add up to.
 *
 * Needs nothing of the service: this file and the package csv-parse are enough, with a Node
 * that runs TypeScript (`node verify.ts URL`).
 */
import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse';

const usage = 'Usage: npm run verify -- URL [--snapshot ID]';

type Row = Readonly<Record<string, string>>;
type Values = Readonly<Record<string, number | null>>;

interface Resource {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly hash: string;
  readonly rows: number;
  readonly schema: { readonly fields: readonly { readonly name: string }[] };
}

interface Package {
  readonly resources: readonly Resource[];
}

interface Metric {
  readonly name: string;
  readonly kind: 'sum' | 'count' | 'distinct' | 'derived';
}

interface Sums {
  readonly totals: Values;
  readonly coverage: Values;
}

interface Totals extends Sums {
  readonly withdrawn_since: number;
  readonly groups: readonly (Sums & { readonly key: string | null })[] | null;
}

/** What was compared, and what did not agree. */
class Report {
  readonly disagreements: string[] = [];
  compared = 0;

  compare(what: string, said: unknown, found: unknown): void {
    this.compared += 1;
    if (said !== found) {
      this.disagreements.push(`${what}: said ${String(said)}, found ${String(found)}`);
    }
  }

  /** The result of a part, a line. */
  say(what: string, since: { readonly compared: number; readonly disagreements: number }): void {
    const wrong = this.disagreements.slice(since.disagreements);
    const count = this.compared - since.compared;
    say(`${wrong.length === 0 ? 'agrees   ' : 'DISAGREES'}  ${what} (${String(count)} values)`);
    for (const line of wrong.slice(0, 20)) say(`             ${line}`);
    if (wrong.length > 20) say(`             and ${String(wrong.length - 20)} more`);
  }

  async part(what: string, check: () => Promise<void> | void): Promise<void> {
    const since = { compared: this.compared, disagreements: this.disagreements.length };
    await check();
    this.say(what, since);
  }
}

/** Sums of whole numbers of rows, exact whatever their size; null where no row has a value. */
class Tally {
  courses = 0;
  readonly #sums = new Map<string, { sum: bigint; count: number }>();
  readonly #statuses = new Map<string, number>();

  add(row: Row, columns: readonly string[]): void {
    this.courses += 1;
    const status = row['status'] ?? '';
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    for (const column of columns) {
      const text = row[column] ?? '';
      if (text === '') continue;
      const known = this.#sums.get(column) ?? { sum: 0n, count: 0 };
      known.sum += BigInt(text);
      known.count += 1;
      this.#sums.set(column, known);
    }
  }

  total(metric: string): number | null {
    const counted = this.#counted(metric);
    if (counted !== undefined) return counted;
    const known = this.#sums.get(metric);
    if (known === undefined) return this.courses === 0 ? 0 : null;
    return Number(known.sum);
  }

  coverage(metric: string): number {
    if (this.#counted(metric) !== undefined) return this.courses;
    return this.#sums.get(metric)?.count ?? 0;
  }

  #counted(metric: string): number | undefined {
    if (metric === 'courses') return this.courses;
    if (metric === 'active_courses') return this.#statuses.get('current') ?? 0;
    if (metric === 'archived_courses') return this.#statuses.get('archived') ?? 0;
    return undefined;
  }
}

/** How the rows of a group are told; each row is in exactly one of each. */
const partitions: Readonly<Record<string, (row: Row) => string | null>> = {
  home_wiki: (row) => presence(row['home_wiki']),
  type: (row) => presence(row['type']),
  status: (row) => presence(row['status']),
  start_year: (row) => presence(row['start'])?.slice(0, 4).replace(/^0+/, '') ?? null,
};

function presence(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}

async function verify(base: string, asked: string): Promise<boolean> {
  const report = new Report();
  const answer = await fetchPatiently(`${base}/v1/datapackage.json?snapshot=${asked}`);
  const snapshot = Number(answer.headers.get('snapshot-id'));
  const described = (await answer.json()) as Package;
  say(`Snapshot ${String(snapshot)} of ${base}`);

  const metrics = ((await fetchJson(`${base}/v1/metrics`)) as { items: Metric[] }).items;
  const checked = metrics.filter(({ kind }) => kind === 'sum' || kind === 'count');
  const sums = checked.filter(({ kind }) => kind === 'sum').map(({ name }) => name);
  const all = new Tally();
  const groups = new Map(Object.keys(partitions).map((name) => [name, new Map<string, Tally>()]));

  for (const resource of described.resources) {
    await report.part(`${resource.name}.csv is the file that the package describes`, () =>
      checkFile(report, new URL(resource.path, answer.url).href, resource, (row) => {
        if (resource.name !== 'courses') return;
        all.add(row, sums);
        for (const [name, keyOf] of Object.entries(partitions)) {
          const tallies = groups.get(name);
          const key = JSON.stringify(keyOf(row));
          const tally = tallies?.get(key) ?? new Tally();
          tally.add(row, sums);
          tallies?.set(key, tally);
        }
      }),
    );
  }

  await checkTotals(report, `${base}/v1/totals?snapshot=${String(snapshot)}`, checked, all, groups);
  await checkSnapshot(report, `${base}/v1/snapshots/${String(snapshot)}`, checked, all);
  const wrong = report.disagreements.length;
  say(
    wrong === 0
      ? `All ${String(report.compared)} values agree.`
      : `${String(wrong)} of ${String(report.compared)} values disagree.`,
  );
  return wrong === 0;
}

async function checkFile(
  report: Report,
  address: string,
  resource: Resource,
  onRow: (row: Row) => void,
): Promise<void> {
  // Plain, so that the digest of what is sent is that of the file.
  const answer = await fetchPatiently(address, { 'accept-encoding': 'identity' });
  const digest = createHash('sha256');
  let bytes = 0;
  let rows = 0;
  const body = answer.body;
  if (body === null) throw new Error(`${address} has no body`);
  const counted = Readable.from(
    (async function* () {
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        digest.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    })(),
  );
  let columns: string[] = [];
  const parser = parse({
    columns: (header: string[]) => (columns = header),
    record_delimiter: '\r\n',
  });
  // Its callback only has to be there: the loop below throws what breaks either.
  pipeline(counted, parser, () => undefined);
  for await (const row of parser as AsyncIterable<Row>) {
    rows += 1;
    onRow(row);
  }
  const sha256 = digest.digest();
  const declared = answer.headers.get('repr-digest');
  report.compare('bytes', resource.bytes, bytes);
  report.compare('hash', resource.hash, `sha256:${sha256.toString('hex')}`);
  report.compare('rows', resource.rows, rows);
  report.compare('Row-Count', answer.headers.get('row-count'), String(rows));
  if (declared !== null) {
    report.compare('Repr-Digest', declared, `sha-256=:${sha256.toString('base64')}:`);
  }
  const described = resource.schema.fields.map(({ name }) => name).join(',');
  report.compare('columns', described, columns.join(','));
}

async function checkTotals(
  report: Report,
  address: string,
  metrics: readonly Metric[],
  all: Tally,
  groups: ReadonlyMap<string, ReadonlyMap<string, Tally>>,
): Promise<void> {
  const totals = (await fetchJson(address)) as Totals | undefined;
  if (totals === undefined) {
    say('skipped    totals of slices, which are not offered there');
    return;
  }
  await report.part('the totals are the sums of the rows', () => {
    compareSums(report, '', metrics, totals, all);
  });
  for (const [name, tallies] of groups) {
    const grouped = (await fetchJson(`${address}&group_by=${name}`)) as Totals;
    await report.part(`the groups by ${name} are the sums of their rows`, () => {
      const said = new Map(
        (grouped.groups ?? []).map((group) => [JSON.stringify(group.key), group]),
      );
      report.compare('groups', [...said.keys()].sort().join(), [...tallies.keys()].sort().join());
      for (const [key, group] of said) {
        compareSums(report, `${key} `, metrics, group, tallies.get(key) ?? new Tally());
      }
    });
  }
}

async function checkSnapshot(
  report: Report,
  address: string,
  metrics: readonly Metric[],
  all: Tally,
): Promise<void> {
  const published = (await fetchJson(address)) as Sums;
  const withdrawn = (published.totals['courses'] ?? 0) - all.courses;
  if (withdrawn > 0) {
    say(`skipped    the published totals: ${String(withdrawn)} courses were withdrawn since`);
    return;
  }
  await report.part('the published totals are the sums of the rows', () => {
    compareSums(report, '', metrics, published, all);
  });
}

function compareSums(
  report: Report,
  what: string,
  metrics: readonly Metric[],
  said: Sums,
  found: Tally,
): void {
  for (const { name } of metrics) {
    // A snapshot has the metrics of its own definitions.
    if (!(name in said.totals)) continue;
    report.compare(what + name, said.totals[name], found.total(name));
    report.compare(`${what}coverage of ${name}`, said.coverage[name], found.coverage(name));
  }
}

/** Undefined where there is no such resource. */
async function fetchJson(address: string): Promise<unknown> {
  const answer = await fetchPatiently(address);
  return answer.status === 404 ? undefined : answer.json();
}

/** Asks again when told to come later: over the quota, or while the files are being made. */
async function fetchPatiently(
  address: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(address, { headers });
    if (answer.ok || answer.status === 404) return answer;
    const later = Number(answer.headers.get('retry-after'));
    if (tries === 60 || !(later > 0) || ![429, 503].includes(answer.status)) {
      throw new Error(`${address} answers ${String(answer.status)}: ${await answer.text()}`);
    }
    await answer.body?.cancel();
    await delay(later * 1000);
  }
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { snapshot: { type: 'string', default: 'latest' } },
  });
  const [address] = positionals;
  if (address === undefined || positionals.length > 1 || !URL.canParse(address)) {
    throw new Error(usage);
  }
  const agrees = await verify(address.replace(/\/+$/, ''), values.snapshot);
  process.exitCode = agrees ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
