import { constants, readFileSync } from 'node:fs';
import { access, chmod, cp, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { run, runScript, type Account, type Outcome } from './account.ts';
import { EmbeddedPostgresError, useAnotherServer } from './embedded-postgres-error.ts';

export interface Binaries {
  /** Holds `bin`, `lib` and `share`. */
  readonly directory: string;
  /** PostgreSQL's major version: the one that data directories are made for. */
  readonly major: string;
}

export interface BinariesNeeds {
  readonly account: Account;
  /** Where a copy goes when the account cannot use the installed ones: 55 MB. */
  readonly copyInto: string;
  readonly onNotice: (sentence: string) => void;
}

/**
 * PostgreSQL's programs as npm installed them when the account can run them there, else a
 * copy. Whether it can is found out by running one: that takes permissions on every
 * directory above, the links between the libraries and the C library into account.
 */
export async function findBinaries({
  account,
  copyInto,
  onNotice,
}: BinariesNeeds): Promise<Binaries> {
  const installed = findInstalled();
  let trial = await tryBinaries(installed.directory, account);
  if (trial.major === undefined && (await canWrite(join(installed.directory, 'lib')))) {
    await makeLinks(installed.directory);
    trial = await tryBinaries(installed.directory, account);
  }
  if (trial.major !== undefined) return { directory: installed.directory, major: trial.major };

  const copy = join(copyInto, `postgresql-${installed.version}`);
  let copied = await tryBinaries(copy, account);
  if (copied.major === undefined) {
    await copyBinaries(installed.directory, copy);
    copied = await tryBinaries(copy, account);
    if (copied.major === undefined) {
      await rm(copy, { recursive: true, force: true });
      throw cannotRun(copied.outcome);
    }
    onNotice(
      `PostgreSQL's programs were copied to ${copy}, because ${account.name} cannot use them in ${installed.directory}.`,
    );
  }
  return { directory: copy, major: copied.major };
}

function findInstalled(): { directory: string; version: string } {
  const platform = `${process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    throw new EmbeddedPostgresError(
      `The package ${name} with the embedded PostgreSQL is not installed: run npm ci without --omit=optional, or, where there is none for ${platform}, ${useAnotherServer}.`,
      { cause: error },
    );
  }
  const root = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return { directory: join(root, 'native'), version };
}

async function tryBinaries(
  directory: string,
  account: Account,
): Promise<{ major: string | undefined; outcome: Outcome }> {
  const outcome = await runScript(
    account,
    'cd "$1" && test -r share/postgresql/postgres.bki && test -x lib/postgresql && bin/initdb --version && exec bin/postgres --version',
    [directory],
  );
  const major = /^postgres \(PostgreSQL\) (\d+)/m.exec(outcome.output)?.[1];
  return { major: outcome.code === 0 ? major : undefined, outcome };
}

/** What the package's install script would do, had npm run it. */
async function makeLinks(directory: string): Promise<void> {
  let listed: string;
  try {
    listed = readFileSync(join(directory, 'pg-symlinks.json'), 'utf8');
  } catch (error) {
    // Platforms whose libraries need no links have no list.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const links = JSON.parse(listed) as readonly { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(dirname(directory), target);
    try {
      await symlink(relative(dirname(target), source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Whole or not at all, in the place of copies of other versions. */
async function copyBinaries(from: string, to: string): Promise<void> {
  const directory = dirname(to);
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  for (const name of await readdir(directory)) {
    if (name.startsWith('postgresql-')) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
  const partial = `${to}.partial`;
  // The list of links counts from the directory above, whose name is `native`.
  const native = join(partial, basename(from));
  await cp(from, native, {
    recursive: true,
    verbatimSymlinks: true,
    // Static libraries are for compilers, and as large as the programs.
    filter: (path) => !path.endsWith('.a') && !path.endsWith('/pkgconfig'),
  });
  await makeLinks(native);
  await openToAll(native);
  await rename(native, to);
  await rm(partial, { recursive: true });
}

/** Nothing in the package is a secret, and a strict umask must not keep the server out. */
async function openToAll(directory: string): Promise<void> {
  const own: Account = {
    name: '',
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    foreign: false,
  };
  const { code, output } = await run(own, 'chmod', ['-R', 'a+rX', directory]);
  if (code !== 0) throw new EmbeddedPostgresError(`${directory}: ${output.trim()}`);
}

async function canWrite(directory: string): Promise<boolean> {
  try {
    await access(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function cannotRun({ output }: Outcome): EmbeddedPostgresError {
  // A shell says "not found" of a program whose loader, the GNU C library's, is missing.
  const reason = /(initdb|postgres): not found/.test(output)
    ? 'it needs the GNU C library: use a system or an image that has it, such as Debian instead of Alpine'
    : `${output.trim() || 'it says nothing'}: repair that`;
  return new EmbeddedPostgresError(
    `The embedded PostgreSQL does not run here (${reason}), or ${useAnotherServer}.`,
    { cause: output },
  );
}
