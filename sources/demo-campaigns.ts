/** The campaigns that the demonstration invents, and which of them a course belongs to. */
import { pick } from './demo-random.ts';
import { firstYear, iso } from './demo-time.ts';
import { english, vocabularies } from './demo-vocabulary.ts';
import type { SourceCampaign } from './source.ts';

export interface InventedCampaign extends SourceCampaign {
  /** What its courses have in common. */
  readonly theme: string;
}

export const defaultTheme = 'default';
export const topicTheme = (topicIndex: number, year: number) => `topic ${topicIndex} ${year}`;
export const languageTheme = (language: string) => `language ${language}`;
export const halfYearTheme = (half: 1 | 2, year: number) => `half ${half} ${year}`;

/** Every campaign created until the end of that year, and some later ones. */
export function inventCampaigns(lastYear: number): InventedCampaign[] {
  const campaigns: InventedCampaign[] = [];
  const add = (
    campaignId: number,
    theme: string,
    title: string,
    rest: Partial<Omit<SourceCampaign, 'campaignId' | 'slug' | 'title'>>,
  ) => {
    // Like the Dashboard's, slugs lose the marks that Indic scripts write vowels with.
    const slug = title.toLowerCase().replace(/\p{M}/gu, '').replaceAll(' ', '_');
    const nothing = { description: null, start: null, end: null, createdAt: null };
    campaigns.push({ campaignId, theme, slug, title, ...nothing, ...rest });
  };
  add(1, defaultTheme, 'Miscellanea', {});
  Object.entries(vocabularies).forEach(([language, { campaign }], index) => {
    const createdAt = iso(Date.UTC(firstYear, 4 * index, 1));
    add(2 + index, languageTheme(language), campaign, { createdAt });
  });
  for (let year = firstYear; year <= lastYear + 1; year += 1) {
    const createdAt = iso(Date.UTC(year - 1, 11, 10));
    const firstId = 100 * (year - 2000);
    english.topics.forEach((topic, index) =>
      add(firstId + index, topicTheme(index, year), `${topic} ${year}`, {
        description: 'A campaign invented for the demonstration.',
        start: iso(Date.UTC(year, 0, 1)),
        end: iso(Date.UTC(year, 11, 31)),
        createdAt,
      }),
    );
    for (const [index, name] of ['January to June', 'July to December'].entries()) {
      const theme = halfYearTheme(index === 0 ? 1 : 2, year);
      add(firstId + 50 + index, theme, `${name} ${year}`, {
        start: iso(Date.UTC(year, 6 * index, 1)),
        createdAt,
      });
    }
    // Nothing keeps two campaigns of the Dashboard from having the same slug.
    if (year === 2021) {
      add(firstId + 60, topicTheme(0, year), 'WOMEN IN ASTRONOMY 2021', { createdAt });
    }
  }
  return campaigns;
}

/** The sorted ids of the campaigns that a course joined when it was created. */
export function joinedCampaigns(
  random: () => number,
  byTheme: ReadonlyMap<string, readonly InventedCampaign[]>,
  likely: ReadonlyMap<string, number>,
  createdAt: string,
): number[] {
  const joined: number[] = [];
  for (const [theme, probability] of likely) {
    if (random() >= probability) continue;
    const there = byTheme.get(theme)?.filter((one) => (one.createdAt ?? '') <= createdAt) ?? [];
    if (there.length > 0) joined.push(pick(random, there).campaignId);
  }
  return joined.sort((a, b) => a - b);
}
