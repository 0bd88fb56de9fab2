import type { Queryable } from '../connect.ts';
import { peopleMetrics } from './count-people.ts';
import type { Dimension } from './dimensions.ts';

type Values = Readonly<Record<string, number | null>>;

/** Totals and coverage by metric name, without the derived metrics. */
export interface SliceValues {
  readonly totals: Values;
  readonly coverage: Values;
}

/** People of no course: known to be none. */
export const nobody: SliceValues = {
  totals: Object.fromEntries(peopleMetrics.map((name) => [name, 0])),
  coverage: Object.fromEntries(peopleMetrics.map((name) => [name, 0])),
};

/** What was published of people, by snapshot and group. */
export interface PublishedPeople {
  /** Undefined where the key stood for other courses then than now. */
  of(snapshotId: number, key: string | null): SliceValues | undefined;
  /** Whether there are such keys. */
  changedSince(snapshotId: number): boolean;
}

/**
 * The counts of people of groups as they were published with snapshots whose courses are all
 * still public, and whose source told people apart.
 */
export async function readPublishedPeople(
  sql: Queryable,
  snapshotIds: readonly number[],
  dimension: Dimension,
  keys?: readonly (string | null)[],
): Promise<PublishedPeople> {
  const named = keys?.filter((key) => key !== null) ?? null;
  const rows = await sql<({ snapshotId: number; key: string | null } & SliceValues)[]>`
    select snapshot_id as "snapshotId", key, totals, coverage from snapshot_groups
    where snapshot_id = any(${snapshotIds}::bigint[]) and dimension = ${dimension}
      and (${named}::text[] is null or key is null or key = any(${named}::text[]))`;
  const changes = await sql<{ slug: string; snapshotId: number }[]>`
    select slug, max(snapshot_id) as "snapshotId" from campaign_slug_changes
    where ${dimension === 'campaign'} group by slug`;
  const changedAt = new Map(changes.map((row) => [row.slug, row.snapshotId]));
  const counted = new Map(
    rows.map(({ snapshotId, key, totals, coverage }) => [
      nameOf(snapshotId, key),
      { totals, coverage },
    ]),
  );
  return {
    of(snapshotId, key) {
      if (key !== null && (changedAt.get(key) ?? 0) > snapshotId) return undefined;
      return counted.get(nameOf(snapshotId, key)) ?? nobody;
    },
    changedSince: (snapshotId) => [...changedAt.values()].some((change) => change > snapshotId),
  };
}

function nameOf(snapshotId: number, key: string | null): string {
  return JSON.stringify([snapshotId, key]);
}
