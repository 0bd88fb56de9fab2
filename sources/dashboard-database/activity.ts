import type { SourceActivity } from '../source.ts';
import { key, negativeNumber, wholeNumber } from './cells.ts';
import type { DashboardConnection } from './connection.ts';
import { list } from './course-parts.ts';
import type { Warnings } from './warnings.ts';
import type { WikiDomains } from './wikis.ts';

const coursesPerBatch = 500;

export interface ActivityBatch {
  readonly activity: SourceActivity[];
  /** How many time slices were summed up. */
  readonly slices: number;
}

/**
 * The time slices of the given courses on the wikis each tracks, summed by month of their
 * start, UTC. Two rows of `wikis` for one domain are one wiki.
 */
export async function* readActivity(
  database: DashboardConnection,
  tracked: ReadonlyMap<number, readonly string[]>,
  domains: WikiDomains,
  warnings: Warnings,
): AsyncGenerator<ActivityBatch> {
  const ids = [...tracked.keys()];
  for (let at = 0; at < ids.length; at += coursesPerBatch) {
    const rows = await database.rows(
      ['course_id', 'wiki_id', 'month', 'edits', 'bytes', 'refs', 'negative', 'slices'],
      `select course_id, wiki_id, extract(year_month from \`start\` + interval 0 second) as month,
         sum(greatest(revision_count, 0)) as edits, sum(greatest(character_sum, 0)) as bytes,
         sum(references_count) as refs,
         coalesce(sum(revision_count < 0), 0) + coalesce(sum(character_sum < 0), 0) as negative,
         count(*) as slices
       from course_wiki_timeslices where course_id in (${list(ids.slice(at, at + coursesPerBatch))})
       group by course_id, wiki_id, month order by null`,
    );
    const months = new Map<string, SourceActivity>();
    let slices = 0;
    for (const row of rows) {
      const count = Number(row.slices);
      slices += count;
      const courseId = key(row.course_id);
      const wiki = domains.get(key(row.wiki_id));
      if (wiki === undefined) {
        warnings.add('Time slices of wikis that are missing, left out', count);
      } else if (row.month === null) {
        warnings.add('Time slices without a possible start, left out', count);
      } else if (wiki !== null && tracked.get(courseId)?.includes(wiki) === true) {
        const digits = String(row.month).padStart(6, '0');
        const month = `${digits.slice(0, 4)}-${digits.slice(4)}`;
        const name = `${courseId} ${month} ${wiki}`;
        const before = months.get(name);
        warnings.add(negativeNumber, Number(row.negative));
        months.set(name, {
          courseId,
          wiki,
          month,
          edits: sum(before?.edits, wholeNumber(row.edits, warnings)),
          bytesAdded: sum(before?.bytesAdded, wholeNumber(row.bytes, warnings)),
          referencesAdded: sum(before?.referencesAdded, wholeNumber(row.refs, warnings)),
        });
      }
    }
    yield { activity: [...months.values()], slices };
  }
}

/** Of what is known; of nothing but nulls it is null. */
function sum(before: number | null | undefined, more: number | null): number | null {
  return more === null ? (before ?? null) : (before ?? 0) + more;
}
