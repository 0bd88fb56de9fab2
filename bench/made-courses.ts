import { sumMetrics } from '../metrics/registry.ts';
import type { Source, SourceCourse } from '../sources/source.ts';

/** Courses made up in batches; from one edition to the next, every hundredth has changed. */
export function madeCourses(count: number, edition: number): Source {
  async function* courses(): AsyncGenerator<readonly SourceCourse[]> {
    for (let first = 1; first <= count; first += 1000) {
      const length = Math.min(1000, count - first + 1);
      yield Array.from({ length }, (_, index) => madeCourse(first + index, edition));
    }
  }
  return {
    kind: 'dashboard_database',
    open: ({ now }) =>
      Promise.resolve({
        readAt: now,
        countsPeople: false,
        campaigns: nothing,
        courses,
        hiddenCourseIds: nothing,
        enrollments: nothing,
        activity: nothing,
        warnings: () => new Map(),
        close: () => Promise.resolve(),
      }),
  };
}

async function* nothing(): AsyncGenerator<never> {}

const home = 'en.wikipedia.org';

function madeCourse(courseId: number, edition: number): SourceCourse {
  const value = courseId % 100 === 0 ? courseId + edition : courseId;
  return {
    courseId,
    slug: `School_${String(courseId % 500)}/Course_${String(courseId)}_(Spring_2026)`,
    title: `Course ${String(courseId)}`,
    institution: `School ${String(courseId % 500)}`,
    term: 'Spring 2026',
    type: 'BasicCourse',
    homeWiki: home,
    wikis: [home, 'www.wikidata.org'],
    campaignIds: [],
    start: '2026-01-01T00:00:00Z',
    end: '2026-06-30T23:59:59Z',
    createdAt: '2025-12-01T08:00:00Z',
    newOrReturning: 'unknown',
    metrics: Object.fromEntries(sumMetrics.map(({ name }, index) => [name, value % (97 + index)])),
  };
}
