/** Freshness and limits: what a client looks at before it trusts or asks. */
import type { FastifyInstance } from 'fastify';
import { abandonedProblem, findLastRun, type RunRow } from '../../db/queries/job-runs.ts';
import { currentJson, readProblems } from '../../openapi/responses.ts';
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
  async function read() {
    await app.publisher.settleRuns();
    const [nextExpectedAt, lastRun] = await Promise.all([
      app.publisher.nextExpectedAt(),
      findLastRun(app.sql),
    ]);
    const row = app.published.latest?.row;
    const now = facts.clock();
    const lateFrom = nextExpectedAt && new Date(nextExpectedAt.getTime() + patienceMilliseconds);
    const isLate = lateFrom !== undefined && now > lateFrom;
    // The first publication is due at once.
    const isMissing = row === undefined && lastRun !== undefined && app.publisher.hasSource;
    const body: Status = {
      latest:
        row === undefined
          ? null
          : { snapshot_id: row.snapshotId, computed_at: timestampText(row.computedAt) },
      next_expected_at: nextExpectedAt === undefined ? null : timestampText(nextExpectedAt),
      stale: isLate || isMissing,
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
      last_run: lastRun === undefined ? null : publicRun(lastRun, row !== undefined),
    };
    const changes = [row?.computedAt, lastRun?.finishedAt, isLate ? lateFrom : undefined];
    const lastModified = latestOf(changes);
    return { body, snapshotId: row?.snapshotId, lastModified };
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
        response: { 200: currentJson(Status, 'The status now.'), ...readProblems },
      },
    },
    async (_request, reply) => {
      const { body, snapshotId, lastModified } = await read();
      return reply.answer(app.representation(JSON.stringify(body)), {
        cacheControl: 'no-cache',
        links: app.published.links(),
        // The limits change with the settings, and no date tells of that.
        dates: 'vague',
        ...(snapshotId === undefined ? {} : { snapshotId }),
        ...(lastModified === undefined ? {} : { lastModified }),
      });
    },
  );
}

function latestOf(moments: readonly (Date | null | undefined)[]): Date | undefined {
  const times = moments.flatMap((moment) => moment?.getTime() ?? []);
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}

/** What a run came to, without what only operators should see. */
function publicRun(run: RunRow, isPublished: boolean): NonNullable<Status['last_run']> {
  const failure =
    run.problem === abandonedProblem
      ? 'The publication was cut off before its end'
      : 'The source could not be read and published';
  const inService = isPublished ? 'the last snapshot stays in service' : 'nothing is published yet';
  return {
    run_id: run.runId,
    state: run.state,
    started_at: timestampText(run.startedAt),
    finished_at: timestampText(run.finishedAt ?? run.startedAt),
    problem: run.state === 'failed' ? `${failure}; ${inService}.` : run.problem,
  };
}
