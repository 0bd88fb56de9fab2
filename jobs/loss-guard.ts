import type { Loss, Losses } from '../db/queries/losses.ts';

/** A publication that would erase too much, stopped for an operator to look at. */
export class PublicationRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PublicationRefused';
  }
}

/** As the sentence goes on after “12 of 34”. */
const names: Readonly<Record<keyof Losses, string>> = {
  courses: 'courses',
  enrollments: 'enrolments',
  trackedWikis: 'tracked wikis',
  campaignLinks: 'links to campaigns',
  homeWikis: 'home wikis',
  instructorTags: 'tags of instructors',
  wikidataStatistics: 'Wikidata statistics of courses',
  namespaceEdits: 'edits by namespace of courses',
  activity: 'activities of courses',
};

/** More than so many at once are never a day's work, if they are also a great part. */
const many = 50;
const greatPartOfCourses = 0.05;
/** Links and people come and go with their courses; half of them do not leave the others. */
const greatPartOfRest = 0.5;
/** All of fewer than these, other than courses, can be one person's doing. */
const fewest = 10;

/**
 * Stops a publication from a source that is empty, or of which tables are, wholly or half:
 * what it lacks would be published for ever.
 *
 * @throws {PublicationRefused} with one sentence
 */
export function refuseLosses(losses: Losses): void {
  const { courses, ...rest } = losses;
  const implausible: [keyof Losses, Loss][] = [];
  if (isMuch(courses, greatPartOfCourses, 1)) implausible.push(['courses', courses]);
  for (const [of, loss] of Object.entries(rest) as [keyof Losses, Loss][]) {
    if (isMuch(loss, greatPartOfRest, fewest)) implausible.push([of, loss]);
  }
  if (implausible.length === 0) return;
  const missing = implausible.map(
    ([of, { lost, before }]) => `${String(lost)} of ${String(before)} ${names[of]}`,
  );
  throw new PublicationRefused(
    `${new Intl.ListFormat('en').format(missing)} are missing from the source, which looks ` +
      'empty or half restored, so nothing was published; if they are really gone, publish once ' +
      'with --confirm-withdrawals.',
  );
}

function isMuch({ lost, before }: Loss, greatPart: number, least: number): boolean {
  return (lost > many && lost > before * greatPart) || (lost >= least && lost === before);
}
