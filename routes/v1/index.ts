/** The public scope: everything that anybody may read. */
import type { FastifyInstance } from 'fastify';
import activity from './activity.ts';
import campaigns from './campaigns.ts';
import citation, { type CitationOptions } from './citation.ts';
import course from './course.ts';
import courseDownload from './course-download.ts';
import courses from './courses.ts';
import datapackage from './datapackage.ts';
import dictionary from './dictionary.ts';
import snapshots from './snapshots.ts';
import status, { type StatusFacts } from './status.ts';
import totals from './totals.ts';
import trends from './trends.ts';
import wikis from './wikis.ts';

export interface V1Options extends CitationOptions {
  readonly dashboardUrl: string;
  readonly status: StatusFacts;
}

export default async function v1(app: FastifyInstance, options: V1Options): Promise<void> {
  await app.register(snapshots);
  await app.register(citation, options);
  await app.register(totals);
  await app.register(trends);
  await app.register(activity);
  const { dashboardUrl } = options;
  await app.register(courses, { dashboardUrl });
  await app.register(course, { dashboardUrl, clock: options.status.clock });
  await app.register(courseDownload, { dashboardUrl });
  await app.register(campaigns, { dashboardUrl });
  await app.register(wikis);
  await app.register(datapackage, options);
  await app.register(dictionary);
  await app.register(status, options.status);
}
