/**
 * The people that the demonstration invents: numbers without names. Editors come back to
 * the courses of their wiki, facilitators to those of their institution.
 */
import { day, hour, wholeSeconds } from './demo-time.ts';
import { editorRole, facilitatorRole } from './source.ts';

export interface InventedParticipation {
  readonly userId: number;
  readonly role: number;
  readonly since: number;
  readonly trained: boolean;
  readonly newEditor: boolean;
  readonly newEditor60d: boolean;
}

interface Person {
  readonly userId: number;
  readonly registered: number | null;
}

/** Courses are to be given in the order of their creation: people remember the earlier ones. */
export function participationsInventor() {
  const communities = new Map<string, Person[]>();
  let people = 0;

  /** Somebody who has been there before, lately rather than long ago, or somebody new. */
  function inventPerson(random: () => number, community: string, since: number, loyalty: number) {
    const known = communities.get(community) ?? [];
    communities.set(community, known);
    if (random() < loyalty) {
      const distance = Math.floor(Math.min(known.length, 400) * random() ** 2);
      const person = known.at(-1 - distance);
      if (person !== undefined && (person.registered ?? 0) <= since) return person;
    }
    const way = random();
    const age =
      way < 0.5 ? random() * 2 * hour : random() * (way < 0.6 ? 60 * day : 3000 * day * random());
    const registered = way < 0.94 ? wholeSeconds(since - age) : null;
    const person = { userId: (people += 1), registered };
    known.push(person);
    return person;
  }

  return (
    random: () => number,
    course: {
      readonly created: number;
      readonly start: number | null;
      readonly end: number | null;
      readonly institution: string;
      readonly homeWiki: string | null;
    },
    editors: number,
  ): InventedParticipation[] => {
    const { created, start, end, institution, homeWiki } = course;
    const facilitators = random() < 0.7 ? 1 : 2;
    const found = new Map<string, InventedParticipation>();
    for (let index = 0; index < facilitators + editors; index += 1) {
      const role = index < facilitators ? facilitatorRole : editorRole;
      let since = created;
      if (role === editorRole && start !== null && end !== null) {
        const early = random() < 0.15;
        const span = Math.min(end - start, 1000 * day);
        const wait = early ? -3 * day * random() : span * random() ** 2;
        since = wholeSeconds(Math.max(created, start + wait));
      }
      // Facilitators come back to their institution, where some are editors too.
      const atHome = homeWiki === null || role === facilitatorRole || random() < 0.05;
      const person = inventPerson(
        random,
        atHome ? institution : homeWiki,
        since,
        atHome ? 0.85 : 0.7,
      );
      const dated = person.registered !== null && start !== null && end !== null;
      const sinceStart = dated && person.registered <= end ? person.registered - start : -Infinity;
      found.set(`${person.userId} ${role}`, {
        userId: person.userId,
        role,
        since,
        trained: random() < 0.8,
        newEditor: sinceStart >= 0,
        newEditor60d: sinceStart >= -60 * day,
      });
    }
    return [...found.values()];
  };
}
