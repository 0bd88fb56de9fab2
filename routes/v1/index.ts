/** The public scope: everything that anybody may read. */
import type { FastifyInstance } from 'fastify';
import campaigns from './campaigns.ts';
import course from './course.ts';
import courseDownload from './course-download.ts';
import courses from './courses.ts';
import dictionary from './dictionary.ts';
import snapshots from './snapshots.ts';
import status, { type StatusFacts } from './status.ts';
import wikis from './wikis.ts';

export interface V1Options {
  readonly dashboardUrl: string;
  readonly status: StatusFacts;
}

export default async function v1(app: FastifyInstance, options: V1Options): Promise<void> {
  await app.register(snapshots);
  const { dashboardUrl } = options;
  await app.register(courses, { dashboardUrl });
  await app.register(course, { dashboardUrl });
  await app.register(courseDownload, { dashboardUrl });
  await app.register(campaigns, { dashboardUrl });
  await app.register(wikis);
  await app.register(dictionary);
  await app.register(status, options.status);
}
