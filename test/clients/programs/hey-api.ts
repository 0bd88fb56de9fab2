/** Asks the service at the first address, and one with a quota of 1 at the second. */
import { createClient } from './generated/client';
import {
  downloadCourses,
  getLatestSnapshot,
  getSnapshot,
  getTotals,
  listCourses,
} from './generated';
import { report, type Report } from './report.ts';

const [address = '', limitedAddress = ''] = process.argv.slice(2);
const client = createClient({ baseUrl: address });
const limited = createClient({ baseUrl: limitedAddress });

async function walk(): Promise<number[]> {
  const courseIds: number[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: 2, ...(cursor === undefined ? {} : { cursor }) };
    const { data } = await listCourses({ client, query });
    if (data === undefined) throw new Error('a page is missing');
    courseIds.push(...data.items.map(({ course_id }) => course_id));
    cursor = data.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return courseIds;
}

const latest = await getLatestSnapshot({ client });
if (latest.data === undefined) throw new Error('nothing is published', { cause: latest.error });
const filters = { type: ['Editathon', 'BasicCourse'], status: ['archived' as const] };
const filtered = await listCourses({ client, query: filters });
const total = await getTotals({ client, query: filters });
const file = await downloadCourses({ client });
const unchanged = await getLatestSnapshot({
  client,
  headers: { 'If-None-Match': latest.response?.headers.get('etag') ?? '' },
});
const refused = await listCourses({ client, query: { limit: 0 } });
const missing = await getSnapshot({ client, path: { snapshot_id: 99 } });
await getLatestSnapshot({ client: limited });
const over = await getLatestSnapshot({ client: limited });

report({
  snapshotId: latest.data.snapshot_id,
  edits: latest.data.totals.edits,
  source: latest.data.source.kind,
  courseIds: await walk(),
  filteredEdits: filtered.data?.items.map(({ edits }) => edits),
  total: total.data && { courses: total.data.totals.courses, edits: total.data.totals.edits },
  csv: file.data,
  unchanged: unchanged.response?.status ?? 0,
  refused: refused.error?.errors?.map(({ name }) => name),
  missing: missing.error?.type,
  over: over.error?.status,
  retryAfter: over.response?.headers.has('retry-after') ?? false,
} satisfies Report);
