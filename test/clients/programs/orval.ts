/** Asks the service at the first address, and one with a quota of 1 at the second. */
import {
  downloadCourses,
  getLatestSnapshot,
  getSnapshot,
  getTotals,
  listCourses,
} from './generated/api.ts';
import { report, type Report } from './report.ts';

const [address = '', limitedAddress = ''] = process.argv.slice(2);

// What orval makes asks paths, as a browser would at the page's own address.
let base = address;
const { fetch } = globalThis;
globalThis.fetch = (path, options) => fetch(new URL(String(path), base), options);

async function walk(): Promise<number[]> {
  const courseIds: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await listCourses({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    if (page.status !== 200) throw new Error('a page is missing');
    courseIds.push(...page.data.items.map(({ course_id }) => course_id));
    cursor = page.data.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return courseIds;
}

const latest = await getLatestSnapshot();
if (latest.status !== 200) throw new Error('nothing is published', { cause: latest.data });
const courseIds = await walk();
const filters = { type: ['Editathon', 'BasicCourse'], status: ['archived' as const] };
const filtered = await listCourses(filters);
const total = await getTotals(filters);
const file = await downloadCourses();
const unchanged = await getLatestSnapshot({
  headers: { 'if-none-match': latest.headers.get('etag') ?? '' },
});
const refused = await listCourses({ limit: 0 });
const missing = await getSnapshot(99);
base = limitedAddress;
await getLatestSnapshot();
const over = await getLatestSnapshot();

report({
  snapshotId: latest.data.snapshot_id,
  edits: latest.data.totals.edits,
  source: latest.data.source.kind,
  courseIds,
  filteredEdits:
    filtered.status === 200 ? filtered.data.items.map(({ edits }) => edits) : undefined,
  total:
    total.status === 200
      ? { courses: total.data.totals.courses, edits: total.data.totals.edits }
      : undefined,
  csv: file.status === 200 ? file.data : undefined,
  unchanged: unchanged.status,
  refused: refused.status === 400 ? refused.data.errors?.map(({ name }) => name) : undefined,
  missing: missing.status === 404 ? missing.data.type : undefined,
  over: over.status === 429 ? over.data.status : undefined,
  retryAfter: over.headers.has('retry-after'),
} satisfies Report);
