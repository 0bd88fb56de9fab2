import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { factsPath, isAbsence } from './stored-file.ts';
import { PartialNames } from './partial-names.ts';

export interface Entry {
  readonly name: string;
  readonly length: number;
  /** Of facts, when their file was last read. */
  readonly writtenAt: Date;
}

export interface TidyingRules {
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly isStale: (name: string) => boolean;
  readonly isLeftover: (name: string, writtenAt: Date) => boolean;
}

/** Milliseconds within which the facts of a file follow it. */
const patience = 10 * 60 * 1000;

/** What is in the folder; nothing where there is none. */
export async function readEntries(directory: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of await readdir(directory).catch(nothingIfAbsent)) {
    const stats = await stat(join(directory, name)).catch(undefinedIfAbsent);
    if (stats?.isFile() !== true) continue;
    entries.push({ name, length: stats.size, writtenAt: stats.mtime });
  }
  return entries;
}

/**
 * What to delete, in that order: a file's facts before the file, so that a file that has
 * facts is there. The least recently read go first.
 */
export function chooseRemovals(entries: readonly Entry[], rules: TidyingRules): string[] {
  const removals: string[] = [];
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const files: { readonly entry: Entry; readonly facts: Entry }[] = [];
  for (const entry of entries) {
    const { name, writtenAt } = entry;
    if (PartialNames.has(name)) {
      if (rules.isLeftover(name, writtenAt)) removals.push(name);
      continue;
    }
    if (name.endsWith(factsPath(''))) continue;
    const facts = byName.get(factsPath(name));
    if (rules.isStale(name)) removals.push(factsPath(name), name);
    else if (facts !== undefined) files.push({ entry, facts });
    else if (Date.now() - writtenAt.getTime() > patience) removals.push(name);
  }
  for (const { name } of entries) {
    if (name.endsWith(factsPath('')) && !byName.has(name.slice(0, -factsPath('').length))) {
      removals.push(name);
    }
  }
  files.sort((a, b) => a.facts.writtenAt.getTime() - b.facts.writtenAt.getTime());
  let bytes = files.reduce((sum, { entry }) => sum + entry.length, 0);
  let count = files.length;
  for (const { entry } of files) {
    if (bytes <= rules.maxBytes && count <= rules.maxFiles) break;
    removals.push(factsPath(entry.name), entry.name);
    bytes -= entry.length;
    count -= 1;
  }
  return removals;
}

/** Milliseconds after which nobody is likely to come back to a folder: 30 days. */
const abandonment = 30 * 24 * 60 * 60 * 1000;

/**
 * Deletes what is in folders beside this one that nobody has read from or written to for long,
 * as of a store that DATA_DIR was used for before.
 */
export async function removeAbandoned(directory: string): Promise<void> {
  const parent = dirname(directory);
  const siblings = await readdir(parent, { withFileTypes: true }).catch(noneIfAbsent);
  for (const sibling of siblings) {
    if (!sibling.isDirectory() || sibling.name === basename(directory)) continue;
    const folder = join(parent, sibling.name);
    const entries = await readEntries(folder);
    const { mtime } = await stat(folder);
    const lastUse = Math.max(mtime.getTime(), ...entries.map((one) => one.writtenAt.getTime()));
    if (Date.now() - lastUse < abandonment) continue;
    for (const { name } of entries) await rm(join(folder, name), { force: true });
    // It may have been taken into use again meanwhile, or hold what is not ours.
    await rmdir(folder).catch(nothingIfKept);
  }
}

function noneIfAbsent(error: unknown): Dirent[] {
  if (isAbsence(error)) return [];
  throw error;
}

function nothingIfKept(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOTEMPTY' && code !== 'ENOENT') throw error;
}

function nothingIfAbsent(error: unknown): string[] {
  if (isAbsence(error)) return [];
  throw error;
}

function undefinedIfAbsent(error: unknown): undefined {
  if (isAbsence(error)) return undefined;
  throw error;
}
