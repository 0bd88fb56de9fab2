/** The filters that every question about courses takes: the grammar, once. */
import { Type, type Static } from '@sinclair/typebox';
import { word } from './scalars.ts';

/** What a filter by name calls the courses that have none. */
export const none = 'none';

export const statuses = ['upcoming', 'current', 'ended_recently', 'archived', 'undated'] as const;

/** Longer than any name at the source. */
const maxNameLength = 300;

function names(description: string, example: string) {
  return Type.Array(Type.String({ minLength: 1, maxLength: maxNameLength }), {
    description: `${description} Repeat for any of several; ${none} for courses that have none.`,
    examples: [[example]],
  });
}

function day(description: string, example: string) {
  return Type.String({
    format: 'date',
    description: `${description}, UTC, included. Courses without that date are left out.`,
    examples: [example],
  });
}

const valueFilters = {
  campaign: names('Courses of these campaigns, by slug.', 'miscellanea'),
  wiki: names('Courses that track these wikis, by domain.', 'en.wikipedia.org'),
  home_wiki: names('Courses whose home wiki is one of these, by domain.', 'en.wikipedia.org'),
  type: names('Courses of these types.', 'Editathon'),
  status: Type.Array(word(statuses), {
    description:
      'Courses of these statuses at the snapshot’s computed_at. ended_recently: less than 30 ' +
      'days before; undated: without a start or an end. Repeat for any of several.',
    examples: [['current']],
  }),
} as const;

const dayFilters = {
  start_from: day('First day that courses start on', '2026-01-01'),
  start_to: day('Last day that courses start on', '2026-12-31'),
  end_from: day('First day that courses end on', '2026-01-01'),
  end_to: day('Last day that courses end on', '2026-12-31'),
  created_from: day('First day that courses were created on', '2026-01-01'),
  created_to: day('Last day that courses were created on', '2026-12-31'),
} as const;

/** Query parameters: spread them into a route's querystring. */
export const filterProperties = {
  campaign: Type.Optional(valueFilters.campaign),
  wiki: Type.Optional(valueFilters.wiki),
  home_wiki: Type.Optional(valueFilters.home_wiki),
  type: Type.Optional(valueFilters.type),
  status: Type.Optional(valueFilters.status),
  start_from: Type.Optional(dayFilters.start_from),
  start_to: Type.Optional(dayFilters.start_to),
  end_from: Type.Optional(dayFilters.end_from),
  end_to: Type.Optional(dayFilters.end_to),
  created_from: Type.Optional(dayFilters.created_from),
  created_to: Type.Optional(dayFilters.created_to),
};

/** The query parameter of questions that can be asked of any snapshot. */
export const snapshotProperty = Type.String({
  default: 'latest',
  pattern: '^(latest|[1-9][0-9]{0,15})$',
  description: 'A snapshot_id, or latest.',
  examples: ['latest'],
});

export function groupByProperty<const T extends readonly string[]>(dimensions: T) {
  return Type.Optional(
    word(dimensions, {
      description:
        'What to group by. A course counts whole in each of its wikis and campaigns, so their ' +
        'groups overlap; what has none is the group whose key is null.',
    }),
  );
}

/** Of questions about a stretch of time. */
export const dayRangeProperties = {
  from: Type.Optional(
    Type.String({
      format: 'date',
      description: 'First day, UTC, included.',
      examples: ['2026-01-01'],
    }),
  ),
  to: Type.Optional(
    Type.String({
      format: 'date',
      description: 'Last day, UTC, included.',
      examples: ['2026-12-31'],
    }),
  ),
};

/** As answers repeat them: lists sorted, each value once; what was not asked for is left out. */
export const Filters = Type.Object(filterProperties, {
  $id: 'Filters',
  description: 'The filters of the question, lists sorted and each value once.',
});
export type Filters = Static<typeof Filters>;

const valueNames = ['campaign', 'wiki', 'home_wiki', 'type', 'status'] as const;
const dayNames = [
  'start_from',
  'start_to',
  'end_from',
  'end_to',
  'created_from',
  'created_to',
] as const;

/** Whether the parameter is given once for each of its values. */
export function isList(name: string): boolean {
  return (valueNames as readonly string[]).includes(name);
}

/**
 * The filters among a query's parameters, so that the same question is always written the
 * same: names in one order, values sorted, each once.
 */
export function filtersOf(query: Filters): Filters {
  const filters: Record<string, string | string[]> = {};
  for (const name of valueNames) {
    const values = query[name];
    if (values !== undefined) filters[name] = [...new Set<string>(values)].sort();
  }
  for (const name of dayNames) {
    const value = query[name];
    if (value !== undefined) filters[name] = value;
  }
  return filters;
}

/** A range of days that is the wrong way round, as a sentence about the named parameter. */
export interface ReversedRange {
  readonly name: string;
  readonly detail: string;
}

/** Ranges that end before they begin: of the filters, and of any other `…from` and `…to`. */
export function reversedRanges(query: Readonly<Record<string, unknown>>): ReversedRange[] {
  return Object.keys(query).flatMap((name) => {
    if (!/(^|_)from$/.test(name)) return [];
    const other = name.replace(/from$/, 'to');
    const from = query[name];
    const to = query[other];
    if (typeof from !== 'string' || typeof to !== 'string' || from <= to) return [];
    return [{ name, detail: `is after ${other}: ${from} is later than ${to}` }];
  });
}

/** The filters as a query string writes them. */
export function filterParameters(filters: Filters): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) {
    for (const one of [value].flat()) parameters.append(name, one);
  }
  return parameters;
}
