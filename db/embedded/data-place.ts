import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rm,
  rmdir,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { canEnter, chooseAccount, type Account } from './account.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';

/** Where everything of one server lies, and who owns it. */
export interface DataPlace {
  readonly account: Account;
  /** PostgreSQL's data directory, without links in its path. */
  readonly data: string;
  /** FIFOs by which the processes that share the server know of each other. */
  readonly runDirectory: string;
  readonly log: string;
  /** For a copy of PostgreSQL's programs, where one is needed. */
  readonly programs: string;
}

/**
 * Finds the place for the data, and makes it when it is not there. Root's server runs as
 * another account; where that one cannot reach the data directory, the data go below
 * /var/lib and a link stands in their place: permissions above are the operator's.
 *
 * @throws {EmbeddedPostgresError} when there is no usable place.
 */
export async function findDataPlace(
  requested: string,
  onNotice: (sentence: string) => void,
): Promise<DataPlace> {
  const wanted = resolve(requested);
  await mkdir(dirname(wanted), { recursive: true });
  let data = await resolveLinks(wanted);
  const account = await chooseAccount(data);
  if (account.foreign && !(await canEnter(account, dirname(data)))) {
    if (!(await isAbsentOrEmpty(data))) {
      throw new EmbeddedPostgresError(
        `The database runs as ${account.name}, who cannot enter ${dirname(data)}: give that user the permission to, or move ${data} to where it can.`,
      );
    }
    data = await settleElsewhere(wanted, account);
  }
  if (dirname(data) !== (await realpath(dirname(wanted)))) {
    onNotice(`The data are in ${data}: ${wanted} is a link to it.`);
  }
  const place: DataPlace = {
    account,
    data,
    runDirectory: `${data}.run`,
    log: `${data}.log`,
    programs: `${data}.programs`,
  };
  await mkdir(place.runDirectory, { recursive: true, mode: 0o700 });
  if (account.foreign) await lchown(place.runDirectory, account.uid, account.gid);
  return place;
}

async function resolveLinks(wanted: string): Promise<string> {
  try {
    return await realpath(wanted);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const isLink = await lstat(wanted).then(
    () => true,
    () => false,
  );
  if (isLink) {
    throw new EmbeddedPostgresError(
      `${wanted} is a link to data that are gone: bring them back, or remove the link to start with an empty database.`,
    );
  }
  return join(await realpath(dirname(wanted)), basename(wanted));
}

export async function isAbsentOrEmpty(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

/** Returns the new place, or the one that a process doing the same at once has made. */
async function settleElsewhere(wanted: string, account: Account): Promise<string> {
  const base =
    process.platform === 'linux'
      ? '/var/lib/dashboard-open-data'
      : '/usr/local/var/dashboard-open-data';
  let home: string;
  try {
    // Root's umask may be strict, and the account must get through.
    if ((await mkdir(base, { recursive: true })) !== undefined) await chmod(base, 0o755);
    home = await mkdtemp(join(base, 'data-'));
    await chown(home, account.uid, account.gid);
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The database runs as ${account.name}, who cannot enter ${dirname(wanted)}, and the data cannot go below ${base} instead: set DATA_DIR to a directory that user can enter.`,
      { cause: error },
    );
  }
  if (!(await canEnter(account, home))) {
    await rmdir(home);
    throw new EmbeddedPostgresError(
      `The database runs as ${account.name}, who can enter neither ${dirname(wanted)} nor ${base}: set DATA_DIR to a directory that user can enter.`,
    );
  }
  try {
    await rmdir(wanted);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  // The link must lead somewhere from the start, even if this process dies here.
  const data = join(home, basename(wanted));
  await mkdir(data, { mode: 0o700 });
  await chown(data, account.uid, account.gid);
  try {
    await symlink(data, wanted);
    return data;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await rm(home, { recursive: true });
    return await resolveLinks(wanted);
  }
}
