import { Type, type Static } from '@sinclair/typebox';
import { publishedSourceKinds } from './snapshot.ts';
import { QuotaCost } from './quota.ts';
import { count, identifier, nullableString, reference, timestamp, word } from './scalars.ts';

export const Status = Type.Object(
  {
    latest: Type.Unsafe<{ snapshot_id: number; computed_at: string } | null>({
      type: ['object', 'null'],
      required: ['snapshot_id', 'computed_at'],
      properties: {
        snapshot_id: identifier({ description: 'Of the newest snapshot.' }),
        computed_at: timestamp({ description: 'When its numbers were computed, UTC.' }),
      },
      description: 'The newest snapshot; null before anything is published.',
    }),
    next_expected_at: nullableString({
      format: 'date-time',
      description: 'When the next publication is due; null where none is scheduled.',
    }),
    stale: Type.Boolean({
      description:
        'Whether the publication that was due is more than an hour late, or the first one failed.',
    }),
    source: Type.Unsafe<{ kind: string; read_at: string } | null>({
      type: ['object', 'null'],
      required: ['kind', 'read_at'],
      properties: {
        kind: word(publishedSourceKinds, { description: 'As source.kind of the snapshot.' }),
        read_at: timestamp({ description: 'UTC.' }),
      },
      description: 'What the newest snapshot was read from, and when.',
    }),
    demo: Type.Boolean({ description: 'Whether the data are invented, for demonstration.' }),
    revision: count({
      description:
        'Raised when the past changes: courses withdrawn or returned, campaigns renamed, earlier ' +
        'totals of the Dashboard carried over.',
    }),
    version: Type.String({ description: 'The release of the service.' }),
    limits: Type.Object(
      {
        requests_per_minute: count({
          description: 'What one client without a key may spend of the quota in a minute.',
        }),
        page_size: count({ description: 'Items on a page at most.' }),
        costs: Type.Array(reference(QuotaCost), {
          description: 'What takes more than one of the quota.',
        }),
      },
      { description: 'What may be asked, and at what cost.' },
    ),
    last_run: Type.Unsafe<PublicRun | null>({
      type: ['object', 'null'],
      required: ['run_id', 'state', 'started_at', 'finished_at', 'problem'],
      properties: {
        run_id: identifier({ description: 'Ascending by start.' }),
        state: word(['succeeded', 'unchanged', 'refused', 'failed'], {
          description:
            'succeeded: a snapshot was published; unchanged: there was nothing new; refused: a ' +
            'guard stopped it, an operator decides; failed.',
        }),
        started_at: timestamp({ description: 'UTC.' }),
        finished_at: timestamp({ description: 'UTC.' }),
        problem: nullableString({ description: 'Why it was refused or failed, in one sentence.' }),
      },
      description: 'How the newest publication job ended; its details are for operators.',
    }),
  },
  { $id: 'Status', description: 'How fresh the data are, and what one may ask.' },
);
export type Status = Static<typeof Status>;

interface PublicRun {
  readonly run_id: number;
  readonly state: string;
  readonly started_at: string;
  readonly finished_at: string;
  readonly problem: string | null;
}
