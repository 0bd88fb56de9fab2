/** The public scope: everything that anybody may read. */
import type { FastifyInstance } from 'fastify';
import courseDownload from './course-download.ts';
import dictionary from './dictionary.ts';
import snapshots from './snapshots.ts';
import status, { type StatusFacts } from './status.ts';

export interface V1Options {
  readonly dashboardUrl: string;
  readonly status: StatusFacts;
}

export default async function v1(app: FastifyInstance, options: V1Options): Promise<void> {
  await app.register(snapshots);
  await app.register(courseDownload, { dashboardUrl: options.dashboardUrl });
  await app.register(dictionary);
  await app.register(status, options.status);
}
