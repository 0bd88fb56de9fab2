/** Asks the service at the first address, and one with a quota of 1 at the second. */
import {
  downloadCourses,
  getLatestSnapshot,
  getSnapshot,
  getTotals,
  listCourses,
} from './generated/index.ts';
import { ProblemAnswer } from './client.ts';
import { report, type Report } from './report.ts';

const [address = '', limitedAddress = ''] = process.argv.slice(2);
const at = { baseURL: address };
const limited = { baseURL: limitedAddress };

async function walk(): Promise<number[]> {
  const courseIds: number[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: 2, ...(cursor === undefined ? {} : { cursor }) };
    const { data } = await listCourses(query, undefined, at);
    courseIds.push(...data.items.map(({ course_id }) => course_id));
    cursor = data.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return courseIds;
}

async function problemOf(answer: Promise<unknown>): Promise<ProblemAnswer> {
  const error: unknown = await answer.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ProblemAnswer) return error;
  throw new Error('this should have been a problem', { cause: error });
}

const latest = await getLatestSnapshot(undefined, at);
const filters = { type: ['Editathon', 'BasicCourse'], status: ['archived' as const] };
const filtered = await listCourses(filters, undefined, at);
const total = await getTotals(filters, undefined, at);
const file = await downloadCourses({}, undefined, at);
const unchanged = await getLatestSnapshot(
  { 'If-None-Match': latest.headers.get('etag') ?? '' },
  at,
);
const refused = await problemOf(listCourses({ limit: 0 }, undefined, at));
const missing = await problemOf(getSnapshot(99, undefined, at));
await getLatestSnapshot(undefined, limited).catch(() => undefined);
const over = await problemOf(getLatestSnapshot(undefined, limited));

report({
  snapshotId: latest.data.snapshot_id,
  edits: latest.data.totals.edits,
  source: latest.data.source.kind,
  courseIds: await walk(),
  filteredEdits: filtered.data.items.map(({ edits }) => edits),
  total: { courses: total.data.totals.courses, edits: total.data.totals.edits },
  csv: file.data,
  unchanged: unchanged.status,
  refused: refused.problem.errors?.map(({ name }) => name),
  missing: missing.problem.type,
  over: over.problem.status,
  retryAfter: over.headers.has('retry-after'),
} satisfies Report);
