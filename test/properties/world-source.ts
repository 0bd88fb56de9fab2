import {
  SourceError,
  type Source,
  type SourceActivity,
  type SourceCourse,
} from '../../sources/source.ts';
import { sourceOf } from '../support/courses.ts';
import {
  createdAtOf,
  enrollmentsOf,
  isPublic,
  seen,
  type Behaviour,
  type World,
  type WorldCourse,
} from './world.ts';

const sliceMetrics = ['mainspace_edits', 'article_talk_edits', 'userspace_edits'] as const;

/** The world as a source, which reads time slices again only where they can have changed. */
export function worldSource(whole: World, behaviour: Behaviour): Source {
  const world = seen(whole, behaviour);
  return {
    kind: 'dashboard_database',
    async open(options) {
      const courses = [...world.courses.values()].filter(isPublic);
      const kept = new Set<number>();
      for (const course of courses) {
        if (options.markers.get(course.id)?.marker === markerOf(course)) kept.add(course.id);
      }
      const reading = await sourceOf({
        campaigns: [...world.campaigns].map(([campaignId, names]) => ({
          campaignId,
          ...names,
          description: null,
          start: null,
          end: null,
          createdAt: null,
        })),
        courses: courses.map((course) =>
          kept.has(course.id)
            ? { ...sourceCourse(world, course), keeps: sliceMetrics }
            : sourceCourse(world, course, sliceValues(course)),
        ),
        hidden: [...world.courses.values()].filter((c) => !isPublic(c)).map(({ id }) => id),
        enrollments: enrollmentsOf(world),
        activity: courses.filter(({ id }) => !kept.has(id)).flatMap(activityOf),
      }).open(options);
      if (behaviour !== 'breaks') return reading;
      return {
        ...reading,
        activity: () => {
          throw new SourceError('The source broke.');
        },
      };
    },
  };
}

function markerOf(course: WorldCourse): string {
  return [course.slicesChanged, course.touched, ...[...course.wikis].sort()].join(' ');
}

/** Without the metrics of time slices, unless given. */
function sourceCourse(
  world: World,
  course: WorldCourse,
  slices: Readonly<Record<string, number | null>> = {},
): SourceCourse {
  const [start, end] = course.window;
  return {
    courseId: course.id,
    slug: course.slug,
    title: course.title,
    institution: course.institution,
    term: null,
    type: course.type,
    homeWiki: course.homeWiki,
    wikis: [...course.wikis].sort(),
    campaignIds: [...course.campaigns].sort((a, b) => a - b),
    start,
    end,
    createdAt: createdAtOf(course.id),
    newOrReturning: course.tag,
    metrics: { ...ownValues(world, course), ...slices },
    marker: markerOf(course),
  };
}

function ownValues(world: World, course: WorldCourse): Record<string, number | null> {
  const isNew = enrollmentsOf(world).filter((e) => e.courseId === course.id && e.newEditor);
  return {
    edits: course.edits,
    bytes_added: course.bytes,
    references_added: course.references,
    new_editor_enrollments: isNew.length,
    ...(course.items === null ? {} : { wikidata_items_created: course.items }),
  };
}

function sliceValues({ mainspace }: WorldCourse): Record<string, number | null> {
  const part = (of: number): number | null => (mainspace === null ? null : mainspace % of);
  return { mainspace_edits: mainspace, article_talk_edits: part(7), userspace_edits: part(5) };
}

/** All values of a course, by name of metric; those absent are null. */
export function valuesOf(world: World, course: WorldCourse): Record<string, number | null> {
  return { ...ownValues(world, course), ...sliceValues(course) };
}

/** What happened on the wikis that the course tracks. */
export function activityOf(course: WorldCourse): SourceActivity[] {
  return [...course.slices].flatMap(([place, [edits, bytesAdded, referencesAdded]]) => {
    const [wiki = '', month = ''] = place.split(' ');
    if (!course.wikis.has(wiki)) return [];
    return [{ courseId: course.id, wiki, month, edits, bytesAdded, referencesAdded }];
  });
}
