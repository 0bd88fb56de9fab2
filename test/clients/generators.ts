/** The client generators, each with no more settings than it needs. */
import { createClient } from '@hey-api/openapi-ts';
import { build } from '@kubb/core';
import { pluginClient } from '@kubb/plugin-client';
import { pluginOas } from '@kubb/plugin-oas';
import { pluginTs } from '@kubb/plugin-ts';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import openapiTypescript, { astToString } from 'openapi-typescript';
import { generate as orval } from 'orval';

export interface Generator {
  /** Its program in `programs/`. */
  readonly name: string;
  /** Files beside the program that it is used with. */
  readonly parts: readonly string[];
  /** What it copies from itself, whatever the document: not held to our settings. */
  readonly ownFiles?: RegExp;
  /** Writes the client of the document at an address, into the folder. */
  generate(address: string, folder: string): Promise<void>;
}

export const generators: readonly Generator[] = [
  {
    name: 'openapi-fetch',
    parts: [],
    async generate(address, folder) {
      const types = astToString(await openapiTypescript(new URL(address)));
      await mkdir(folder);
      await writeFile(join(folder, 'schema.ts'), types);
    },
  },
  {
    name: 'hey-api',
    parts: [],
    // They do not hold under exactOptionalPropertyTypes.
    ownFiles: /^hey-api\/generated\/(client|core)\//,
    async generate(address, folder) {
      await createClient({ input: address, output: folder, logs: { level: 'silent' } });
    },
  },
  {
    name: 'orval',
    parts: [],
    async generate(address, folder) {
      await orval({
        input: { target: address },
        output: { target: join(folder, 'api.ts'), client: 'fetch', mode: 'single' },
      });
    },
  },
  {
    name: 'kubb',
    parts: ['client.ts'],
    async generate(address, folder) {
      // It writes below the working directory too, whatever root it is given.
      const before = process.cwd();
      process.chdir(join(folder, '..'));
      const { error } = await build({
        config: {
          root: join(folder, '..'),
          input: { path: address },
          output: { path: folder },
          plugins: [
            pluginOas({ generators: [] }),
            pluginTs({ output: { path: 'types' } }),
            pluginClient({
              output: { path: 'clients' },
              importPath: '../../client.ts',
              dataReturnType: 'full',
            }),
          ],
        },
      }).finally(() => {
        process.chdir(before);
      });
      if (error !== undefined) throw error;
    },
  },
];
