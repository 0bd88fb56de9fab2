import type {
  Source,
  SourceActivity,
  SourceCampaign,
  SourceCourse,
  SourceEnrollment,
} from '../../sources/source.ts';

/** What a test's source holds; tests change it between publications. */
export interface SourceState {
  campaigns: SourceCampaign[];
  courses: SourceCourse[];
  hidden: number[];
  enrollments: SourceEnrollment[];
  activity: SourceActivity[];
  /** Wikis at the source, besides those of the courses. */
  wikis?: string[];
}

export function emptyState(): SourceState {
  return { campaigns: [], courses: [], hidden: [], enrollments: [], activity: [] };
}

export function course(
  courseId: number,
  fields: Partial<Omit<SourceCourse, 'courseId'>> = {},
): SourceCourse {
  return {
    courseId,
    slug: `School/Course_${String(courseId)}`,
    title: `Course ${String(courseId)}`,
    institution: 'School',
    term: null,
    type: 'Editathon',
    homeWiki: 'en.wikipedia.org',
    wikis: ['en.wikipedia.org'],
    campaignIds: [],
    start: '2026-01-01T00:00:00Z',
    end: '2026-02-01T00:00:00Z',
    createdAt: '2025-12-01T00:00:00Z',
    newOrReturning: 'unknown',
    metrics: { edits: courseId, bytes_added: courseId * 100 },
    ...fields,
  };
}

export function campaign(
  campaignId: number,
  fields: Partial<Omit<SourceCampaign, 'campaignId'>> = {},
): SourceCampaign {
  return {
    campaignId,
    slug: `campaign_${String(campaignId)}`,
    title: `Campaign ${String(campaignId)}`,
    description: null,
    start: null,
    end: null,
    createdAt: null,
    ...fields,
  };
}

async function* oneBatch<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  await Promise.resolve();
  if (items.length > 0) yield items;
}

/** A source whose data the test makes up; everything after it is the real thing. */
export function sourceOf(state: SourceState): Source {
  return {
    kind: 'dashboard_database',
    open: ({ now }) =>
      Promise.resolve({
        readAt: now,
        countsPeople: true,
        campaigns: () => oneBatch(state.campaigns),
        wikis: () => oneBatch(state.wikis ?? []),
        courses: () => oneBatch(state.courses),
        hiddenCourseIds: () => oneBatch(state.hidden),
        enrollments: () => oneBatch(state.enrollments),
        activity: () => oneBatch(state.activity),
        warnings: () => new Map(),
        close: () => Promise.resolve(),
      }),
  };
}

/** These courses, and nothing else. */
export function stateOf(...ids: number[]): SourceState {
  return { ...emptyState(), courses: ids.map((id) => course(id)) };
}
