import { chown, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from './account.ts';
import type { Binaries } from './binaries.ts';
import { isAbsentOrEmpty, type DataPlace } from './data-place.ts';
import { EmbeddedPostgresError, explainOutput } from './embedded-postgres-error.ts';

export const superuser = 'postgres';

/** A log that has grown beyond this, in bytes, makes way for a new one; one old is kept. */
const logLimit = 4 * 1024 * 1024;

export interface DatabaseFilesOptions {
  readonly place: DataPlace;
  readonly binaries: Binaries;
  /** The start lock's descriptor: an initdb that outlives this process keeps the lock. */
  readonly lock: number;
  readonly onProgress: (sentence: string) => void;
}

/**
 * Makes the data directory when there is none, beside its place and then renamed, so that
 * what is there is whole. The caller holds the start lock.
 */
export async function ensureDatabaseFiles({
  place: { data, account },
  binaries,
  lock,
  onProgress,
}: DatabaseFilesOptions): Promise<void> {
  const version = await readVersion(data);
  if (version === binaries.major) return;
  if (version !== undefined) {
    throw new EmbeddedPostgresError(
      `The data in ${data} were made by PostgreSQL ${version}, and this installation has PostgreSQL ${binaries.major}: move them aside and start with an empty database, or go back to the release that made them.`,
    );
  }
  if (!(await isAbsentOrEmpty(data))) {
    throw new EmbeddedPostgresError(
      `${data} holds files that are not a PostgreSQL database: move them, or set DATA_DIR to another directory.`,
    );
  }
  onProgress(`Making an empty database in ${data}.`);
  const unfinished = join(dirname(data), `${basename(data)}.init`);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  if (account.foreign) await chown(unfinished, account.uid, account.gid);
  const { code, output } = await run(
    account,
    join(binaries.directory, 'bin', 'initdb'),
    [
      `--pgdata=${unfinished}`,
      `--username=${superuser}`,
      '--auth=trust',
      '--encoding=UTF8',
      // PostgreSQL's own C.UTF-8: the same order everywhere, while not every system's C
      // library has a locale of that name.
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-instructions',
    ],
    lock,
  );
  if (code !== 0) {
    await rm(unfinished, { recursive: true, force: true });
    throw explainOutput(output, 'Making the database', data);
  }
  await rename(unfinished, data);
  const parent = await open(dirname(data), 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

async function readVersion(data: string): Promise<string | undefined> {
  try {
    return (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Returns the size, in bytes, that the log has now. */
export async function rotateLog(log: string): Promise<number> {
  try {
    const { size } = await stat(log);
    if (size <= logLimit) return size;
    await rename(log, `${log}.1`);
    return 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** The log's text from a position on, at most its last 64 KB. */
export async function readLogFrom(log: string, position: number): Promise<string> {
  const text = await readFile(log);
  return text.subarray(Math.max(position, text.length - 65_536)).toString();
}
