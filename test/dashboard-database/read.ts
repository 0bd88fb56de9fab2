import { dashboardDatabaseSource } from '../../sources/dashboard-database/dashboard-database.ts';
import type {
  OpenOptions,
  SourceActivity,
  SourceCampaign,
  SourceCourse,
  SourceEnrollment,
} from '../../sources/source.ts';

export interface Everything {
  readonly campaigns: SourceCampaign[];
  readonly wikis: string[];
  readonly courses: SourceCourse[];
  readonly hidden: number[];
  readonly enrollments: SourceEnrollment[];
  readonly activity: SourceActivity[];
  readonly warnings: ReadonlyMap<string, number>;
}

/** The given clock of a reading. */
export const now = new Date('2026-08-27T12:00:00.500Z');

export function opening(options: Partial<OpenOptions> = {}): OpenOptions {
  return { signal: new AbortController().signal, now, markers: new Map(), ...options };
}

/** One whole reading. */
export async function readAll(
  url: string,
  options: Partial<OpenOptions> = {},
): Promise<Everything> {
  const reading = await dashboardDatabaseSource({ url }).open(opening(options));
  try {
    return {
      campaigns: await all(reading.campaigns()),
      wikis: await all(reading.wikis?.() ?? nothing()),
      courses: await all(reading.courses()),
      hidden: await all(reading.hiddenCourseIds()),
      enrollments: await all(reading.enrollments()),
      activity: await all(reading.activity()),
      warnings: reading.warnings(),
    };
  } finally {
    await reading.close();
  }
}

async function* nothing(): AsyncGenerator<never[]> {}

export async function all<Item>(batches: AsyncIterable<readonly Item[]>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const batch of batches) items.push(...batch);
  return items;
}
