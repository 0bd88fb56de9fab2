import { spawnSync } from 'node:child_process';
import { makeDirectory, type Cleanup } from '../embedded/holder.ts';

/** Whether to make small disks: only root can, and in CI nobody may do without. */
export const canMount = process.getuid?.() === 0 || process.env['CI'] !== undefined;

/** A folder that is a disk of its own: of a size such as `1m`. */
export async function makeDisk(t: Cleanup, size: string): Promise<string> {
  const disk = await makeDirectory(t);
  const options = ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk];
  const mounting = spawnSync('mount', options);
  if (mounting.status !== 0) throw new Error(`no small disk: ${String(mounting.stderr)}`);
  t.teardown(() => {
    spawnSync('umount', ['-l', disk]);
  });
  return disk;
}
