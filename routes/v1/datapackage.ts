/** What a snapshot's downloads are: their columns, lengths and digests, for programs to read. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Overtaken } from '../../db/queries/stream-file.ts';
import {
  DataPackage,
  packageBody,
  packagePath,
  type PackagedFile,
} from '../../openapi/data-package.ts';
import { snapshotProperty } from '../../openapi/filters.ts';
import { json, problems, readProblems } from '../../openapi/responses.ts';
import { ProblemError } from '../../plugins/errors.ts';

export interface DatapackageOptions {
  readonly dashboardUrl: string;
  readonly publicUrl: string | undefined;
  readonly license: { readonly name: string; readonly url: string };
}

const Query = Type.Object({ snapshot: snapshotProperty }, { additionalProperties: false });

/** A million courses take some ten. */
const retryAfterSeconds = 5;
const longRetryAfterSeconds = 30;

export default function datapackage(app: FastifyInstance, options: DatapackageOptions): void {
  const { dashboardUrl, license } = options;

  /** @throws {ProblemError} 503 while a file is being made */
  async function packagedFiles(
    snapshotId: number,
    version: number,
    revision: number,
  ): Promise<PackagedFile[]> {
    const files: PackagedFile[] = [];
    let missing = 0;
    let isTooMany = false;
    for (const { name, columns, question } of app.exports.offered) {
      const asked = await question(snapshotId);
      if (asked.revision !== revision) throw new Overtaken();
      const facts = await app.exports.facts(asked);
      if (facts === undefined) {
        missing += 1;
        if (!app.exports.prepare(asked)) isTooMany = true;
      } else files.push({ name, columns: columns(version), ...facts });
    }
    if (missing === 0) return files;
    if (isTooMany) {
      throw ProblemError.unavailable(
        'The files of too many other snapshots are being made.',
        longRetryAfterSeconds,
      );
    }
    throw ProblemError.unavailable(
      `${String(missing)} of the files of snapshot ${String(snapshotId)} are being made.`,
      retryAfterSeconds,
    );
  }

  app.get(
    '/v1/datapackage.json',
    {
      schema: {
        operationId: 'getDataPackage',
        summary: 'The downloads of a snapshot, described',
        description:
          'A Frictionless Data Package, version 2, of the files of courses, campaigns and wikis: ' +
          'columns with types, units and definitions, bytes, rows and SHA-256, licence and ' +
          'citation. 503 while the files of a snapshot are being made. /verify.mjs is a program ' +
          'that compares it with the files, and every total with their rows.',
        tags: ['About the data'],
        querystring: Query,
        response: { 200: json(DataPackage, 'The package.'), 404: problems[404], ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof Query> }>, reply) => {
      const question = await app.questions.ask({}, request.query.snapshot);
      app.questions.requireRows(question);
      const { snapshot, revision } = question;
      const { snapshotId } = snapshot;
      const base = options.publicUrl ?? `${request.protocol}://${request.host}`;
      return reply.answerLazily({
        tag: app.questions.tag(question, ['datapackage.json', base, dashboardUrl, license]),
        head: {
          snapshotId,
          lastModified: question.lastModified,
          cacheControl: 'no-cache',
          links: app.published.links(question.asksLatest ? packagePath(snapshotId) : undefined),
          // The licence and the addresses in it change with the settings, of which no date tells.
          dates: 'vague',
        },
        make: async () => {
          const files = await packagedFiles(snapshotId, snapshot.definitionsVersion, revision);
          const body = packageBody({ ...snapshot, revision, license, base, dashboardUrl, files });
          return app.representation(JSON.stringify(body));
        },
      });
    },
  );
}
