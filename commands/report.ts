import type { RunCounts } from '../db/queries/job-runs.ts';
import { say } from './command-line.ts';

export interface Outcome {
  readonly state: string;
  readonly snapshotId: number | null;
  readonly counts: RunCounts | null;
}

/** What a publication did, or on trial would do, for the person who asked for it. */
export function sayOutcome(outcome: Outcome, isTrial: boolean): void {
  const { counts } = outcome;
  const count = (name: string) => {
    const value = counts?.[name];
    return typeof value === 'number' ? value : 0;
  };
  const courses = count('courses');
  say(`${String(courses)} courses read.`);
  say(`  added      ${String(count('added'))}`);
  say(`  changed    ${String(count('changed'))}`);
  say(`  withdrawn  ${String(count('withdrawn'))}`);
  say(`  unchanged  ${String(courses - count('added') - count('changed'))}`);
  const warnings = counts?.['warnings'];
  if (typeof warnings === 'object') {
    say('Oddities of the source:');
    for (const [sentence, times] of Object.entries(warnings))
      say(`  ${String(times)} × ${sentence}`);
  }
  if (isTrial) say('Trial: nothing was changed.');
  else if (outcome.state === 'unchanged') {
    say('Nothing has changed since the last snapshot of today: none was made.');
  } else say(`Published as snapshot ${String(outcome.snapshotId)}.`);
}
