import type { SourceCampaign } from '../source.ts';
import { key, text, time } from './cells.ts';
import type { DashboardConnection } from './connection.ts';
import type { Warnings } from './warnings.ts';

/** Descriptions are texts of up to 64 kB. */
const campaignsPerBatch = 500;

/** Every campaign with a slug; one without cannot be addressed, so is left out. */
export async function* readCampaigns(
  database: DashboardConnection,
  warnings: Warnings,
): AsyncGenerator<SourceCampaign[]> {
  for (let after = 0; ;) {
    const rows = await database.rows(
      ['id', 'slug', 'title', 'description', 'start', 'end', 'created_at'],
      `select id, slug, title, description, \`start\`, \`end\`, created_at
       from campaigns where id > ${after} order by id limit ${campaignsPerBatch}`,
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = key(last.id);
    const campaigns: SourceCampaign[] = [];
    for (const row of rows) {
      const slug = text(row.slug, warnings);
      if (slug === null || slug === '') {
        warnings.add('Campaigns without a slug, left out');
        continue;
      }
      if (row.title === null) warnings.add('Campaigns without a title, named by their slug');
      campaigns.push({
        campaignId: key(row.id),
        slug,
        title: text(row.title, warnings) ?? slug,
        description: text(row.description, warnings),
        start: time(row.start, warnings),
        end: time(row.end, warnings),
        createdAt: time(row.created_at, warnings),
      });
    }
    yield campaigns;
  }
}
