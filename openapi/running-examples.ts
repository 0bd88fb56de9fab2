/**
 * For every operation a question that can be asked of the demonstration as it stands, and of
 * most other installations too. What the service answers is recorded in `examples.json`.
 */

type Value = string | number | readonly string[];

export interface RunningExample {
  readonly path?: Readonly<Record<string, Value>>;
  readonly query?: Readonly<Record<string, Value>>;
}

const history = { query: { interval: 'month', limit: 2 } };
const slice = { type: ['Editathon', 'BasicCourse'], group_by: 'status' };
const trend = { wiki: 'en.wikipedia.org', interval: 'month' };
const timeline = { status: 'archived', interval: 'year' };
const largest = { status: 'current', sort: '-edits' };

/** By operationId. */
export const runningExamples: Readonly<Record<string, RunningExample>> = {
  getLatestSnapshot: {},
  getSystemMetrics: {},
  getSnapshot: { path: { snapshot_id: 1 } },
  getCitation: { path: { snapshot_id: 1 } },
  listSnapshots: history,
  downloadSnapshots: { query: { interval: 'month' } },
  getTotals: { query: slice },
  downloadTotals: { query: slice },
  getTrends: { query: trend },
  downloadTrends: { query: trend },
  getActivity: { query: timeline },
  downloadActivity: { query: timeline },
  listCourses: { query: { ...largest, limit: 2 } },
  downloadCourses: { query: largest },
  getCourse: { path: { course_id: 1 } },
  listCourseHistory: { path: { course_id: 1 } },
  listCampaigns: { query: { sort: '-articles_created', limit: 2 } },
  downloadCampaigns: { query: { sort: '-articles_created' } },
  getCampaign: { path: { campaign_slug: 'miscellanea' } },
  listWikis: { query: { sort: '-editors', limit: 2 } },
  downloadWikis: { query: { sort: '-editors' } },
  getDataPackage: {},
  listMetrics: {},
  getStatus: {},
  getLiveness: {},
  getTelemetry: {},
  getReadiness: {},
  listRuns: { query: { limit: 2 } },
  getRun: { path: { run_id: 1 } },
  publishSnapshot: {},
};

/** The path and query of an example, below the address of a service. */
export function addressOf(template: string, { path = {}, query = {} }: RunningExample): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(path[name])),
  );
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) parameters.append(name, String(each));
  }
  return parameters.size === 0 ? filled : `${filled}?${parameters.toString()}`;
}
