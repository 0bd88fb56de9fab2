import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type OpenedStore } from '../db/open-store.ts';

export interface TemporaryStore extends OpenedStore {
  /** A folder that goes with the store; the service finds the store in it, too. */
  readonly directory: string;
}

/** An embedded server with an empty store, gone once it is released. */
export async function openTemporaryStore(): Promise<TemporaryStore> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  await chmod(directory, 0o755);
  const store = await openStore({
    databaseUrl: undefined,
    dataDirectory: directory,
    purpose: 'data',
    onProgress: () => undefined,
  });
  return {
    ...store,
    directory,
    async release() {
      await store.release();
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
