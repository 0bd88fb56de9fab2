/** Asks the service at the first address, and one with a quota of 1 at the second. */
import { downloadCourses } from './generated/clients/downloadCourses.ts';
import { getLatestSnapshot } from './generated/clients/getLatestSnapshot.ts';
import { getSnapshot } from './generated/clients/getSnapshot.ts';
import { listCourses } from './generated/clients/listCourses.ts';
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
    const { data } = await listCourses(query, at);
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

const latest = await getLatestSnapshot(at);
const filtered = await listCourses(
  { type: ['Editathon', 'BasicCourse'], status: ['archived'] },
  at,
);
const file = await downloadCourses({}, undefined, at);
const unchanged = await getLatestSnapshot({
  ...at,
  headers: { 'if-none-match': latest.headers.get('etag') ?? '' },
});
const refused = await problemOf(listCourses({ limit: 0 }, at));
const missing = await problemOf(getSnapshot(99, at));
await getLatestSnapshot(limited).catch(() => undefined);
const over = await problemOf(getLatestSnapshot(limited));

report({
  snapshotId: latest.data.snapshot_id,
  edits: latest.data.totals.edits,
  source: latest.data.source.kind,
  courseIds: await walk(),
  filteredEdits: filtered.data.items.map(({ edits }) => edits),
  csv: file.data,
  unchanged: unchanged.status,
  refused: refused.problem.errors?.map(({ name }) => name),
  missing: missing.problem.type,
  over: over.problem.status,
  retryAfter: over.headers.has('retry-after'),
} satisfies Report);
