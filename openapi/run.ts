import { Type, type Static } from '@sinclair/typebox';
import { nextCursorProperty } from './page.ts';
import {
  identifier,
  nullableInteger,
  nullableString,
  reference,
  timestamp,
  timestampText,
  word,
} from './scalars.ts';

const triggers = ['start', 'schedule', 'admin', 'command'] as const;
const states = ['running', 'succeeded', 'unchanged', 'refused', 'failed'] as const;

export const Run = Type.Object(
  {
    run_id: identifier({ description: 'Ascending by start.' }),
    trigger: word(triggers, { description: 'What began it.' }),
    state: word(states, {
      description:
        'running; succeeded: a snapshot was published; unchanged: nothing had changed since ' +
        'the last snapshot of the day; refused: a guard stopped it, an operator decides; failed.',
    }),
    started_at: timestamp({ description: 'UTC.' }),
    finished_at: nullableString({ format: 'date-time', description: 'Null while it is running.' }),
    snapshot_id: nullableInteger({ minimum: 1, description: 'The snapshot it published, if any.' }),
    counts: Type.Unsafe<Readonly<Record<string, unknown>> | null>({
      type: ['object', 'null'],
      additionalProperties: true,
      description:
        'What it read and wrote, by name; rows_read and seconds: of each part of the work, as far ' +
        'as it came; warnings: oddities of the source, counted. Null where nothing is known.',
    }),
    problem: nullableString({ description: 'Why it was refused or failed, in one sentence.' }),
  },
  { $id: 'Run', description: 'One publication job.' },
);
export type Run = Static<typeof Run>;

export const RunPage = Type.Object(
  {
    items: Type.Array(reference(Run), { description: 'Newest first.' }),
    next_cursor: nextCursorProperty,
  },
  { $id: 'RunPage', description: 'Publication jobs, a page at a time.' },
);

/** A run as the store has it. */
export interface StoredRun {
  readonly runId: number;
  readonly trigger: (typeof triggers)[number];
  readonly state: (typeof states)[number];
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly snapshotId: number | null;
  readonly counts: Readonly<Record<string, unknown>> | null;
  readonly problem: string | null;
}

export function runBody(stored: StoredRun): Run {
  return {
    run_id: stored.runId,
    trigger: stored.trigger,
    state: stored.state,
    started_at: timestampText(stored.startedAt),
    finished_at: stored.finishedAt === null ? null : timestampText(stored.finishedAt),
    snapshot_id: stored.snapshotId,
    counts: stored.counts,
    problem: stored.problem,
  };
}
