/** Asks the service at the first address, and one with a quota of 1 at the second. */
import createClient from 'openapi-fetch';
import type { paths } from './generated/schema.ts';
import { report, type Report } from './report.ts';

const [address = '', limitedAddress = ''] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: address });
const limited = createClient<paths>({ baseUrl: limitedAddress });

async function walk(): Promise<number[]> {
  const courseIds: number[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: 2, ...(cursor === undefined ? {} : { cursor }) };
    const { data } = await client.GET('/v1/courses', { params: { query } });
    if (data === undefined) throw new Error('a page is missing');
    courseIds.push(...data.items.map(({ course_id }) => course_id));
    cursor = data.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return courseIds;
}

const latest = await client.GET('/v1/snapshots/latest');
if (latest.data === undefined) throw new Error('nothing is published', { cause: latest.error });
const query = { type: ['Editathon', 'BasicCourse'], status: ['archived' as const] };
const filtered = await client.GET('/v1/courses', { params: { query } });
const total = await client.GET('/v1/totals', { params: { query } });
const file = await client.GET('/v1/courses.csv', { parseAs: 'text' });
const unchanged = await client.GET('/v1/snapshots/latest', {
  params: { header: { 'If-None-Match': latest.response.headers.get('etag') ?? '' } },
});
const refused = await client.GET('/v1/courses', { params: { query: { limit: 0 } } });
const missing = await client.GET('/v1/snapshots/{snapshot_id}', {
  params: { path: { snapshot_id: 99 } },
});
await limited.GET('/v1/snapshots/latest');
const over = await limited.GET('/v1/snapshots/latest');

report({
  snapshotId: latest.data.snapshot_id,
  edits: latest.data.totals.edits,
  source: latest.data.source.kind,
  courseIds: await walk(),
  filteredEdits: filtered.data?.items.map(({ edits }) => edits),
  total: total.data && { courses: total.data.totals.courses, edits: total.data.totals.edits },
  csv: file.data,
  unchanged: unchanged.response.status,
  refused: refused.error?.errors?.map(({ name }) => name),
  missing: missing.error?.type,
  over: over.error?.status,
  retryAfter: over.response.headers.has('retry-after'),
} satisfies Report);
