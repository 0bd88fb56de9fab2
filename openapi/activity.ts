import { Type, type Static } from '@sinclair/typebox';
import { Filters } from './filters.ts';
import { count, identifier, nullableInteger, nullableString, reference, word } from './scalars.ts';
import { groupBy } from './totals.ts';

export const activityIntervals = ['month', 'quarter', 'year'] as const;

/** Groups of an answer at most. */
export const activityGroupLimit = 50;

const counts = {
  edits: nullableInteger({
    description: 'Edits on tracked wikis in the period.',
    minimum: 0,
  }),
  bytes_added: nullableInteger({ description: 'Bytes added in the period.', minimum: 0 }),
  references_added: nullableInteger({
    description: 'References added less references removed in the period; can be negative.',
  }),
};

export const ActivityItem = Type.Object(
  {
    period: Type.String({
      description: 'A month, quarter or year, UTC.',
      pattern: '^[0-9]{4}(-[0-9]{2}|-Q[1-4])?$',
      examples: ['2026-11', '2026-Q4', '2026'],
    }),
    key: nullableString({
      description: 'The group; null of the courses that have none, and without group_by.',
    }),
    ...counts,
  },
  {
    $id: 'ActivityItem',
    description:
      'What happened in a period. Null is not collected; a sum beyond 2^53 − 1 is null too.',
  },
);
export type ActivityItem = Static<typeof ActivityItem>;

export const Activity = Type.Object(
  {
    snapshot_id: identifier({ description: 'The newest snapshot: activity is known as of it.' }),
    filters: reference(Filters),
    group_by: groupBy,
    interval: word(activityIntervals, { description: 'What a period is.' }),
    coverage: Type.Object(
      {
        courses: count({ description: 'Courses that the filters select.' }),
        edits: count({ description: 'Of these, those with a number of edits.' }),
        bytes_added: count({ description: 'Those with a number of bytes.' }),
        references_added: count({ description: 'Those with a number of references.' }),
      },
      {
        description:
          'How many of the courses have a value, whatever from and to. The Dashboard knows no ' +
          'activity of courses that it has not updated since 2025. What happened on a wiki that ' +
          'has no domain (of no language and none of the projects that do without one) is in no ' +
          'item; a course with nothing else has no value.',
      },
    ),
    groups_left_out: count({
      description: `Groups that are not shown: the ${activityGroupLimit} with the most edits are.`,
    }),
    items: Type.Array(reference(ActivityItem), {
      description:
        'By period, then by edits from the most down. A period in which nothing is known to have ' +
        'happened has no item.',
    }),
  },
  {
    $id: 'Activity',
    description: 'When the edits of the courses of a slice happened.',
  },
);
export type ActivityHead = Omit<Static<typeof Activity>, 'items'>;
