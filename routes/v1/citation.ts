/** How to cite a snapshot. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  citationBody,
  type CitationFormat,
  citationFormats,
  citationMediaTypes,
  CslItem,
} from '../../openapi/citation.ts';
import { dataHeaders } from '../../openapi/headers.ts';
import { problemMediaType } from '../../openapi/problem.ts';
import { problems, readProblems } from '../../openapi/responses.ts';
import { identifier, reference, word } from '../../openapi/scalars.ts';
import { findSnapshot } from '../../db/queries/snapshots.ts';
import { readStore } from '../../db/queries/store.ts';
import { ProblemError } from '../../plugins/errors.ts';

export interface CitationOptions {
  readonly publicUrl: string | undefined;
  readonly license: { readonly name: string; readonly url: string };
}

const Path = Type.Object({
  snapshot_id: identifier({ description: 'A snapshot_id.' }),
});

const Query = Type.Object(
  {
    format: Type.Optional(
      word(citationFormats, {
        description:
          'text: for a list of references; bibtex; csl-json: for reference managers. Without it, ' +
          'what Accept prefers, or else text.',
      }),
    ),
  },
  { additionalProperties: false },
);

interface Asked {
  Params: Static<typeof Path>;
  Querystring: Static<typeof Query>;
}

export default function citation(app: FastifyInstance, options: CitationOptions): void {
  const types = citationFormats.map((format) => citationMediaTypes[format]);
  const choice = app.mediaChoice([...types, problemMediaType]);

  /** @throws {ProblemError} 406 */
  function formatFor(accept: string | undefined): CitationFormat {
    const type = choice.choose(accept);
    if (type === undefined) throw ProblemError.notAcceptable(types);
    return citationFormats.find((format) => citationMediaTypes[format] === type) ?? 'text';
  }

  app.get(
    '/v1/snapshots/:snapshot_id/citation',
    {
      schema: {
        operationId: 'getCitation',
        summary: 'How to cite a snapshot',
        description:
          'A reference with the snapshot’s address, which stays, its moment and the revision of ' +
          'its rows, which a withdrawal raises.',
        tags: ['Snapshots'],
        params: Path,
        querystring: Query,
        response: {
          200: {
            description: 'The citation.',
            headers: dataHeaders,
            content: {
              'text/plain': { schema: { type: 'string' } },
              'application/x-bibtex': { schema: { type: 'string' } },
              'application/vnd.citationstyles.csl+json': {
                schema: Type.Array(reference(CslItem)),
              },
            },
          },
          404: problems[404],
          406: problems[406],
          ...readProblems,
        },
      },
    },
    async (request: FastifyRequest<Asked>, reply) => {
      const { snapshot_id: snapshotId } = request.params;
      const { format = formatFor(request.headers.accept) } = request.query;
      const [row, store] = await Promise.all([
        findSnapshot(app.sql, snapshotId),
        readStore(app.sql),
      ]);
      if (row === undefined) throw app.published.noSnapshot(snapshotId);
      const base = options.publicUrl ?? `${request.protocol}://${request.host}`;
      const { computedAt } = row;
      const { revision, revisedAt } = store;
      const address = `${base}/v1/snapshots/${String(snapshotId)}`;
      const body = citationBody({ ...row, revision, address, license: options.license }, format);
      const contentType = `${citationMediaTypes[format]}; charset=utf-8`;
      return reply.answer(app.representation(body, contentType), {
        snapshotId,
        lastModified: revisedAt !== null && revisedAt > computedAt ? revisedAt : computedAt,
        // Forms share it, and what changes by the settings, as the licence, has none.
        dates: 'vague',
        ...(request.query.format === undefined ? { chosenBy: 'Accept' as const } : {}),
        cacheControl: 'no-cache',
        links: app.published.links(),
      });
    },
  );
}
