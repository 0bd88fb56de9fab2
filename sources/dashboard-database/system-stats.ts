import { SourceError } from '../source.ts';
import { parseAddress } from './address.ts';
import { count, text, time, type Cell } from './cells.ts';
import { DashboardConnection } from './connection.ts';
import { lack } from './failures.ts';
import { quoted } from './tables.ts';
import { Warnings } from './warnings.ts';
import { homeWikiTotals } from './wiki-stats.ts';

/** The Dashboard's own totals of one day. */
export interface DayTotals {
  /** `2026-08-27`, UTC. */
  readonly day: string;
  /** A moment of that day: when the totals were last written, or else the day's last second. */
  readonly computedAt: Date;
  /** By metric name; null is not collected. */
  readonly totals: Readonly<Record<string, number | null>>;
  /** The same of the courses of each home wiki, by its domain. */
  readonly homeWikis: ReadonlyMap<string, Readonly<Record<string, number | null>>>;
}

/** One consistent reading of those totals. */
export interface SystemStatsReading {
  /** By day, each once. */
  days(): AsyncIterable<readonly DayTotals[]>;
  /** Oddities met, and how often. */
  warnings(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export interface SystemStats {
  /** @throws {SourceError} when they cannot be read */
  open(signal: AbortSignal): Promise<SystemStatsReading>;
}

const metricColumns = [
  ['total_edits', 'edits'],
  ['total_article_views', 'article_views'],
  ['total_articles_improved', 'articles_edited'],
  ['total_articles_created', 'articles_created'],
  ['active_programs_count', 'active_courses'],
  ['archived_programs_count', 'archived_courses'],
  ['new_editors_count', 'new_editors'],
  ['new_editors_count_with_preregistration', 'new_editors_60d'],
  ['active_facilitators_count', 'active_facilitators'],
  ['total_characters_added', 'bytes_added'],
] as const;

const columns = [
  'snapshot_date',
  'created_at',
  'updated_at',
  'wiki_stats',
  ...metricColumns.map(([column]) => column),
] as const;
type Row = Record<(typeof columns)[number], Cell>;

/** What carrying the totals over needs to read beyond what every reading does. */
export const systemStatsGrant = { table: 'system_stats', columns } as const;

/** A day's `wiki_stats` is of up to 64 kB. */
const daysPerBatch = 100;

/** The totals that the Dashboard itself has kept, a row a day, since the summer of 2026. */
export function dashboardSystemStats({ url }: { readonly url: string }): SystemStats {
  return {
    async open(signal) {
      const database = await DashboardConnection.open(parseAddress(url), signal);
      try {
        await checkTable(database);
        await database.begin();
      } catch (error) {
        await database.close();
        throw error;
      }
      const warnings = new Warnings();
      return {
        days: () => readDays(database, warnings),
        warnings: () => warnings.counts,
        close: () => database.close(),
      };
    },
  };
}

async function* readDays(
  database: DashboardConnection,
  warnings: Warnings,
): AsyncGenerator<DayTotals[]> {
  for (let from = 0; ; from += daysPerBatch) {
    const rows = await database.rows(
      columns,
      `select ${columns.map(quoted).join(', ')} from system_stats
       order by snapshot_date limit ${daysPerBatch} offset ${from}`,
    );
    if (rows.length === 0) return;
    yield rows.flatMap((row) => dayTotals(row, warnings));
  }
}

function dayTotals(row: Row, warnings: Warnings): DayTotals[] {
  const endOfDay = time(`${String(row.snapshot_date)} 23:59:59`, warnings);
  if (endOfDay === null) return [];
  const day = endOfDay.slice(0, 10);
  const written = [row.updated_at, row.created_at]
    .map((cell) => time(cell, warnings))
    .find((moment) => moment?.startsWith(day) === true);
  const yaml = text(row.wiki_stats, warnings);
  return [
    {
      day,
      computedAt: new Date(written ?? endOfDay),
      totals: Object.fromEntries(
        metricColumns.map(([column, metric]) => [metric, count(row[column], warnings)]),
      ),
      homeWikis: yaml === null ? new Map() : homeWikiTotals(yaml, warnings),
    },
  ];
}

/** Says which table, column or privilege is lacking, and the statement that grants it. */
async function checkTable(database: DashboardConnection): Promise<void> {
  const { table } = systemStatsGrant;
  for (const column of columns) {
    try {
      await database.rows([column], `select ${quoted(column)} from ${table} limit 0`);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      const what = lack(error, table, column, database.address.user);
      if (what === undefined) throw error;
      const name = quoted(database.address.database);
      throw new SourceError(
        `The Dashboard's own totals cannot be read: ${what}.`,
        [`What they need: grant select (${columns.map(quoted).join(', ')}) on ${name}.${table}`],
        { cause: error },
      );
    }
  }
}
