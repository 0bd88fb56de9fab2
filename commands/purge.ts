/** `npm run purge [-- COURSE_ID]`: erases withdrawn courses before their time, or after it. */
import { readConfig } from '../config.ts';
import { openStore } from '../db/open-store.ts';
import type { PublisherOptions } from '../jobs/publisher-session.ts';
import { purgeOne, purgePastGrace } from '../jobs/purge-withdrawn.ts';
import { parseCommandLine, runCommand, say, sayAside, UsageError } from './command-line.ts';

const usage =
  'Usage: npm run purge                  erases the withdrawn courses that are past their grace\n' +
  '       npm run purge -- COURSE_ID     erases one withdrawn course at once';

await runCommand(async (signal) => {
  const { positionals } = parseCommandLine({ allowPositionals: true, options: {} }, usage);
  const courseId = courseIdOf(positionals);
  const config = readConfig();
  const store = await openStore({
    databaseUrl: config.databaseUrl,
    dataDirectory: config.dataDirectory,
    purpose: 'data',
    onProgress: sayAside,
  });
  const options = {
    address: store.address,
    clock: () => new Date(),
    signal,
    onWaiting: sayAside,
  };
  try {
    return courseId === undefined ? await pastGrace(options) : await one(options, courseId);
  } finally {
    await store.release();
  }
});

function courseIdOf([text, ...rest]: readonly string[]): number | undefined {
  if (text === undefined) return undefined;
  const courseId = Number(text);
  if (rest.length > 0 || !/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(courseId)) {
    throw new UsageError(usage);
  }
  return courseId;
}

async function pastGrace(options: PublisherOptions): Promise<number> {
  const erased = await purgePastGrace(options);
  say(
    erased === 0
      ? 'No withdrawn course is past its grace of 30 days: nothing was erased.'
      : `Erased ${String(erased)} withdrawn courses that were past their grace of 30 days.`,
  );
  return 0;
}

async function one(options: PublisherOptions, courseId: number): Promise<number> {
  const name = `Course ${String(courseId)}`;
  switch (await purgeOne(options, courseId)) {
    case 'withdrawn':
      say(`${name} was withdrawn and is erased now.`);
      return 0;
    case 'public':
      sayAside(
        `${name} is public, so nothing was erased. Make it private at the Dashboard or delete ` +
          'it there, publish with npm run snapshot, then purge it.',
      );
      return 1;
    case 'unknown':
      sayAside(`${name} is not known here, or was erased already: nothing was erased.`);
      return 1;
  }
}
