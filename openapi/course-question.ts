/** The questions about course rows, as a page and as a file: the same parameters. */
import { Type } from '@sinclair/typebox';
import { filterParameters, filterProperties, snapshotProperty, type Filters } from './filters.ts';
import { sortProperty } from './page.ts';

/** Courses come by this unless sorted. */
const usualSort = 'course_id';

/** Query parameters: spread them into a route's querystring. */
export function courseQuestionProperties(sorts: readonly string[]) {
  return {
    ...filterProperties,
    q: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 300,
        description:
          'Part of the title or of the institution; case, accents and the width of characters ' +
          'do not matter, in any script.',
        examples: ['université'],
      }),
    ),
    sort: sortProperty(sorts, usualSort),
    snapshot: snapshotProperty,
  };
}

export interface CourseQuestion {
  readonly filters: Filters;
  /** Folded. */
  readonly q?: string | undefined;
  readonly sort: string;
}

/** The question as a query string writes it, its snapshot left out. */
export function courseQuestionParameters({ filters, q, sort }: CourseQuestion): URLSearchParams {
  const parameters = filterParameters(filters);
  if (q !== undefined) parameters.set('q', q);
  if (sort !== usualSort) parameters.set('sort', sort);
  return parameters;
}

/** What is wrong with a search for accents or spaces only. */
export const emptySearch = 'must have something in it besides spaces and accents';
