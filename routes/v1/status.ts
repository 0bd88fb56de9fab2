/** Freshness and limits: what a client looks at before it trusts or asks. */
import type { FastifyInstance } from 'fastify';
import { findLastRun, type RunRow } from '../../db/queries/job-runs.ts';
import { json, readProblems } from '../../openapi/responses.ts';
import { timestampText } from '../../openapi/scalars.ts';
import { Status } from '../../openapi/status.ts';

export interface StatusFacts {
  readonly clock: () => Date;
  readonly version: string;
  readonly isDemo: boolean;
  readonly requestsPerMinute: number;
  readonly pageSize: number;
}

/** A publication is late an hour after it was due: a long one is no alarm. */
const patienceMilliseconds = 60 * 60 * 1000;

export default function status(app: FastifyInstance, facts: StatusFacts): void {
  async function statusBody(): Promise<Status> {
    const nextExpectedAt = await app.publisher.nextExpectedAt();
    const lastRun = await findLastRun(app.sql);
    const row = app.published.latest?.row;
    const now = facts.clock().getTime();
    return {
      latest:
        row === undefined
          ? null
          : { snapshot_id: row.snapshotId, computed_at: timestampText(row.computedAt) },
      next_expected_at: nextExpectedAt === undefined ? null : timestampText(nextExpectedAt),
      stale: nextExpectedAt !== undefined && now > nextExpectedAt.getTime() + patienceMilliseconds,
      source:
        row === undefined
          ? null
          : { kind: row.sourceKind, read_at: timestampText(row.sourceReadAt) },
      demo: facts.isDemo,
      revision: app.published.revision,
      version: facts.version,
      limits: {
        requests_per_minute: facts.requestsPerMinute,
        page_size: facts.pageSize,
        costs: [...app.quotaCosts],
      },
      last_run: lastRun === undefined ? null : publicRun(lastRun),
    };
  }

  app.get(
    '/v1/status',
    {
      schema: {
        operationId: 'getStatus',
        summary: 'Freshness, limits and how the last run ended',
        description:
          'The newest snapshot, when the next one is due and whether it is late, what the data ' +
          'come from, and the quota. Answers before anything is published.',
        tags: ['About the data'],
        response: { 200: json(Status, 'The status now.'), ...readProblems },
      },
    },
    async (_request, reply) => {
      const snapshotId = app.published.latest?.row.snapshotId;
      return reply.answer(app.representation(JSON.stringify(await statusBody())), {
        cacheControl: 'no-cache',
        links: app.published.links(),
        ...(snapshotId === undefined ? {} : { snapshotId }),
      });
    },
  );
}

/** What a run came to, without what only operators should see. */
function publicRun(run: RunRow): NonNullable<Status['last_run']> {
  return {
    run_id: run.runId,
    state: run.state,
    started_at: timestampText(run.startedAt),
    finished_at: timestampText(run.finishedAt ?? run.startedAt),
    problem:
      run.state === 'failed'
        ? 'The source could not be read and published; the last snapshot stays in service.'
        : run.problem,
  };
}
