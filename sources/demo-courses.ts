/**
 * The courses that the demonstration invents: for each, what it will come to in the end.
 * Nothing here depends on the present; what is true at a moment, `demo.ts` reads off.
 */
import {
  defaultTheme,
  halfYearTheme,
  joinedCampaigns,
  languageTheme,
  topicTheme,
  type InventedCampaign,
} from './demo-campaigns.ts';
import { logNormal, pick, randomNumbers, weightedPicker } from './demo-random.ts';
import { participationsInventor, type InventedParticipation } from './demo-people.ts';
import { day, firstYear, hour, wholeSeconds } from './demo-time.ts';
import { english, projectEvents, vocabularies, wikis, type Vocabulary } from './demo-vocabulary.ts';
import type { NewOrReturning } from './source.ts';

export interface InventedCourse {
  readonly courseId: number;
  readonly institution: string;
  readonly title: string;
  readonly term: string | null;
  readonly type: string;
  readonly homeWiki: string | null;
  readonly wikis: readonly string[];
  readonly campaignIds: readonly number[];
  readonly created: number;
  readonly start: number | null;
  readonly end: number | null;
  readonly newOrReturning: NewOrReturning;
  /** From then on under its final title. */
  readonly renamedAt: number;
  /** From then on gone, or there and private. */
  readonly removedAt: number;
  readonly turnsPrivate: boolean;
  /** Which of its metrics the Dashboard ever collected. */
  readonly updated: 'never' | 'before_time_slices' | 'fully';
  /** What grows with progress, as it stands at the end. */
  readonly results: Readonly<ReturnType<typeof inventResults>>;
  /** Likewise, by metric, of a course that tracks Wikidata; empty for the others. */
  readonly wikidata: Readonly<Record<string, number>>;
  readonly participations: readonly InventedParticipation[];
  /** Whether a participant was removed by hand, which the count of enrolments keeps. */
  readonly countsOneMore: boolean;
}

const kinds = [
  { type: 'Editathon', weight: 40, participants: 7, days: 2 },
  { type: 'BasicCourse', weight: 27, participants: 8, days: 30 },
  { type: 'ArticleScopedProgram', weight: 14, participants: 8, days: 75 },
  { type: 'ClassroomProgramCourse', weight: 11, participants: 20, days: 100 },
  { type: 'FellowsCohort', weight: 3, participants: 8, days: 60 },
  { type: 'LegacyCourse', weight: 2, participants: 12, days: 60 },
  { type: 'SingleUser', weight: 2, participants: 1, days: 20 },
  { type: 'VisitingScholarship', weight: 1, participants: 1, days: 150 },
] as const;
const anyVocabulary = Object.values(vocabularies);
const pickKind = weightedPicker<(typeof kinds)[number]>(kinds, ({ weight }) => weight);
const pickWiki = weightedPicker(wikis, ([, weight]) => weight);
const pickNewOrReturning = weightedPicker<NewOrReturning>(
  ['unknown', 'returning_instructor', 'first_time_instructor'],
  (value) => (value === 'unknown' ? 3 : 1),
);
/** How many of each a thousand edits on Wikidata come to, more or less. */
const wikidataPerThousandEdits = {
  wikidata_items_created: 60,
  wikidata_claims_created: 420,
  wikidata_claims_changed: 40,
  wikidata_claims_removed: 15,
  wikidata_qualifiers_added: 110,
  wikidata_references_added: 190,
  wikidata_labels_added: 120,
  wikidata_labels_changed: 12,
  wikidata_descriptions_added: 90,
  wikidata_aliases_added: 35,
  wikidata_interwiki_links_added: 20,
  wikidata_merged_to: 3,
  wikidata_redirects_created: 3,
};
const seasons = [0.9, 1.1, 1.5, 1.1, 1, 0.7, 0.6, 0.9, 1.3, 1.4, 1, 0.5];
const coursesInYear = (year: number) => Math.min(290, 60 + 45 * (year - firstYear));
/** What `coursesInYear` comes to from the first year to 2026. */
const coursesBy2027 = 2775;

/**
 * Every course created until the end of that year, in the order of creation: a later year
 * only adds to the list. `courses` is about how many there are by the end of 2026.
 */
export function inventCourses(
  options: { readonly seed: number; readonly courses: number; readonly lastYear: number },
  campaigns: readonly InventedCampaign[],
): InventedCourse[] {
  const { seed, lastYear } = options;
  const invented: InventedCourse[] = [];
  const inventCourse = courseInventor(campaigns);
  let owed = 0;
  let courseId = 0;
  for (let year = firstYear; year <= lastYear; year += 1) {
    for (const [month, season] of seasons.entries()) {
      owed += (season / 12) * coursesInYear(year) * (options.courses / coursesBy2027);
      const random = randomNumbers(seed, -year, month);
      const begin = Date.UTC(year, month);
      const length = Date.UTC(year, month + 1) - begin;
      const creations = Array.from({ length: Math.floor(owed) }, () => begin + random() * length);
      owed -= creations.length;
      for (const created of creations.sort((a, b) => a - b)) {
        courseId += 1 + Math.floor(random() * 3);
        const course = inventCourse(randomNumbers(seed, courseId), courseId, wholeSeconds(created));
        invented.push(course);
      }
    }
  }
  return invented;
}

function courseInventor(campaigns: readonly InventedCampaign[]) {
  const campaignsByTheme = new Map<string, InventedCampaign[]>();
  for (const campaign of campaigns) {
    const alike = campaignsByTheme.get(campaign.theme);
    if (alike === undefined) campaignsByTheme.set(campaign.theme, [campaign]);
    else alike.push(campaign);
  }
  const takenNames = new Set<string>();
  const inventParticipations = participationsInventor();

  function inventName(
    random: () => number,
    vocabulary: Vocabulary,
    forms: readonly string[],
    words: { readonly topic: string; readonly year: string },
  ) {
    const institution = pick(random, vocabulary.institutions);
    const form = pick(random, forms).replace('{topic}', words.topic);
    const plain = form.replace('{year}', words.year);
    let title = plain;
    for (let number = 2; takenNames.has(`${institution}/${title}`.toLowerCase()); number += 1) {
      title = `${plain} #${number}`;
    }
    takenNames.add(`${institution}/${title}`.toLowerCase());
    return { institution, title };
  }

  return (random: () => number, courseId: number, created: number): InventedCourse => {
    const [domain] = pickWiki(random);
    const homeWiki = random() < 0.99 ? domain : null;
    const language = domain.slice(0, domain.indexOf('.'));
    const native = vocabularies[language];
    const vocabulary = domain in projectEvents ? pick(random, anyVocabulary) : (native ?? english);
    const utcOffset = native === undefined ? pick(random, [0, 1, 2, 5.5, 7]) : native.utcOffset;
    let kind = pickKind(random);
    if (kind.type === 'LegacyCourse' && created > Date.UTC(2017, 0)) kind = kinds[1];
    const isClass = ['ClassroomProgramCourse', 'LegacyCourse'].includes(kind.type);

    const { start, end, year, half } = inventDates(random, created, kind, utcOffset);
    const [topicIndex, topic] = pick(random, [...vocabulary.topics.entries()]);
    const forms = isClass ? vocabulary.classes : (projectEvents[domain] ?? vocabulary.events);
    const { institution, title } = inventName(random, vocabulary, forms, {
      topic,
      year: String(year),
    });
    const terms = [`${year}-1`, `${year}-2`, `${year}/${year + 1}`];
    const origin = { created, start, end, institution, homeWiki };
    const editors = Math.round(logNormal(random, kind.participants, kind.participants > 1 ? 1 : 0));
    const participations = inventParticipations(random, origin, editors);
    const happens = start !== null && end !== null && random() < 0.92;
    const results = inventResults(random, domain, happens ? participations.length : 0);
    const tracked = new Set(homeWiki === null ? [] : [homeWiki]);
    for (const other of ['www.wikidata.org', 'commons.wikimedia.org', 'en.wikipedia.org']) {
      if (random() < 0.15) tracked.add(other);
    }
    const themes = new Map([
      [topicTheme(topicIndex, year), 0.35],
      [languageTheme(language), 0.4],
      [halfYearTheme(half, year), 0.12],
      [defaultTheme, 0.06],
    ]);
    const updatedByHand = random() < 0.3;
    const updatedAtAll = start !== null && end !== null && random() < 0.995;
    const beforeTimeSlices = end !== null && end < Date.UTC(2025, 0) && !updatedByHand;
    return {
      ...origin,
      courseId,
      title,
      term: random() < (isClass ? 0.8 : 0.1) ? pick(random, terms) : null,
      type: kind.type,
      wikis: [...tracked].sort(),
      campaignIds: joinedCampaigns(
        random,
        campaignsByTheme,
        themes,
        new Date(created).toISOString(),
      ),
      newOrReturning: pickNewOrReturning(random),
      renamedAt: random() < 0.04 ? wholeSeconds(created + 30 * day * random()) : created,
      removedAt:
        random() < 0.08 ? wholeSeconds(created - 250 * day * Math.log(1 - random())) : Infinity,
      turnsPrivate: random() < 0.5,
      updated: !updatedAtAll ? 'never' : beforeTimeSlices ? 'before_time_slices' : 'fully',
      results,
      wikidata: tracked.has('www.wikidata.org')
        ? inventWikidata(random, domain === 'www.wikidata.org' ? results.edits : results.edits / 10)
        : {},
      participations,
      countsOneMore: participations.length > 5 && random() < 0.05,
    };
  };
}

function inventDates(
  random: () => number,
  created: number,
  kind: (typeof kinds)[number],
  utcOffset: number,
) {
  // Most are set up some weeks ahead, some only when they are over.
  const lead = random() < 0.9 ? 40 * random() : -40 * random();
  const date = Math.floor(created / day + lead) * day;
  const midnight = date - utcOffset * hour;
  const days = Math.max(1, Math.round(logNormal(random, kind.days, 0.6)));
  let start: number | null = midnight;
  let end: number | null = midnight + days * day - 60_000;
  if (kind.type === 'Editathon' && days === 1) {
    start = midnight + 10 * hour;
    end = start + Math.ceil(6 * random()) * hour;
  }
  const oddity = random();
  if (oddity < 0.006) end = Date.UTC(2049, 11, 31);
  else if (oddity < 0.01) end = start;
  else if (oddity < 0.014) end = null;
  else if (oddity < 0.02) start = end = null;
  const half: 1 | 2 = new Date(date).getUTCMonth() < 6 ? 1 : 2;
  return { start, end, year: new Date(date).getUTCFullYear(), half };
}

function inventResults(random: () => number, domain: string, people: number) {
  const isData = domain === 'www.wikidata.org';
  const edits = Math.min(400_000, Math.round(people * logNormal(random, isData ? 30 : 9, 1.6)));
  const mainspace = Math.round(edits * (isData ? 0.98 : 0.55 + 0.35 * random()));
  const talk = Math.floor((edits - mainspace) * 0.3 * random());
  const userspace = Math.floor((edits - mainspace - talk) * 0.8 * random());
  const bytes = Math.round(mainspace * logNormal(random, isData ? 260 : 450, 0.8));
  const references = (bytes / 1000) * logNormal(random, 0.5, 0.9);
  const articles = Math.ceil(mainspace * (0.08 + 0.4 * random()));
  let uploads = 0;
  if (domain === 'commons.wikimedia.org') uploads = people * logNormal(random, 6, 1);
  else if (people > 0 && random() < 0.3) uploads = logNormal(random, 5, 1.3);
  uploads = Math.round(uploads);
  const inUse = Math.floor(uploads * 0.6 * random());
  return {
    edits,
    // The Dashboard's columns of a single course hold 32 bits.
    bytesAdded: Math.min(2_000_000_000, bytes),
    referencesAdded: Math.round(random() < 0.04 ? -references / 10 : references),
    articlesEdited: articles,
    articlesCreated: Math.floor(articles * 0.7 * random() ** 2),
    articleViews: Math.round(articles * logNormal(random, 900, 1.1)),
    uploads,
    uploadsInUse: inUse,
    uploadUsages: Math.round(inUse * (1 + 2 * random())),
    mainspaceEdits: mainspace,
    articleTalkEdits: talk,
    userspaceEdits: userspace,
  };
}

function inventWikidata(random: () => number, edits: number): Record<string, number> {
  const invented: Record<string, number> = { wikidata_total_revisions: Math.round(edits) };
  for (const [name, rate] of Object.entries(wikidataPerThousandEdits)) {
    invented[name] = Math.round((edits / 1000) * rate * (0.5 + random()));
  }
  return invented;
}
