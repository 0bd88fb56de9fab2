/** The newest snapshot, kept in memory in every form it is sent in, on every instance. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { findLatestSnapshot, type SnapshotRow } from '../db/queries/snapshots.ts';
import { noteForm, readStore } from '../db/queries/store.ts';
import { definitionsVersion } from '../metrics/registry.ts';
import { contractLinks, dictionaryPath } from '../openapi/document.ts';
import { snapshotBody } from '../openapi/snapshot.ts';
import { ProblemError } from './errors.ts';
import { followPublications } from './publications.ts';
import type { AnswerHead, Representation } from './representation.ts';

export interface PublishedOptions {
  /** What decides how answers are written, besides what they are about. */
  readonly form: readonly string[];
  readonly clock: () => Date;
  readonly license: { readonly name: string; readonly url: string };
}

/** The newest snapshot and its answer; the same object until there is a newer one. */
export interface Latest {
  readonly row: SnapshotRow;
  readonly representation: Representation;
  /** The same bytes at the address of the Dashboard's front end, under a tag of their own. */
  readonly forDashboard: Representation;
  readonly head: AnswerHead;
}

export interface Published {
  /** Undefined before anything is published. */
  readonly latest: Latest | undefined;
  /** Raised when rows of past snapshots change; part of what names an answer made of rows. */
  readonly revision: number;
  /** @throws {ProblemError} 503 before anything is published */
  requireLatest(): Latest;
  /**
   * What a snapshot that is not there is answered with.
   *
   * @throws {ProblemError} 503 before anything is published
   */
  noSnapshot(snapshotId: number): ProblemError;
  /** Looks now; publications make it look by itself. */
  refresh(): Promise<void>;
  /**
   * The links of every data answer: where it can be found for ever, what describes it and
   * what to cite, which is where it stays unless said otherwise.
   */
  links(canonical?: string, describedBy?: readonly string[], citeAs?: string): string[];
}

declare module 'fastify' {
  interface FastifyInstance {
    published: Published;
  }
}

/** Fresh for minutes; a cache may answer from an old copy while it asks for the new one. */
const latestCacheControl = 'public, max-age=300, stale-while-revalidate=3600';

async function published(app: FastifyInstance, options: PublishedOptions): Promise<void> {
  let latest: Latest | undefined;
  let revision = 0;

  const links = (
    canonical?: string,
    describedBy: readonly string[] = [dictionaryPath],
    citeAs = canonical,
  ) => [
    licenseLink(options.license),
    ...describedBy.map((address) => `<${address}>; rel="describedby"`),
    ...contractLinks,
    ...(canonical === undefined ? [] : [`<${canonical}>; rel="canonical"`]),
    ...(citeAs === undefined ? [] : [`<${citeAs}>; rel="cite-as"`]),
  ];

  async function look(): Promise<void> {
    const [row, store] = await Promise.all([findLatestSnapshot(app.sql), readStore(app.sql)]);
    revision = store.revision;
    if (row === undefined || row.snapshotId === latest?.row.snapshotId) return;
    const body = JSON.stringify(snapshotBody(row));
    const [representation, forDashboard] = await Promise.all(
      ['/v1/snapshots/latest', '/system_metrics.json'].map((address) =>
        app.representation(body, undefined, address).precompress(),
      ) as [Promise<Representation>, Promise<Representation>],
    );
    latest = {
      row,
      representation,
      forDashboard,
      head: {
        snapshotId: row.snapshotId,
        lastModified: row.computedAt,
        cacheControl: latestCacheControl,
        links: links(`/v1/snapshots/${String(row.snapshotId)}`),
      },
    };
  }

  // Looks are made one after the other: an older answer must not replace a newer one.
  let looking = Promise.resolve();
  const refresh = (): Promise<void> => {
    const next = looking.then(look);
    looking = next.catch(() => undefined);
    return next;
  };

  function requireLatest(): Latest {
    if (latest === undefined) {
      throw ProblemError.unavailable('Nothing has been published yet.', 30);
    }
    return latest;
  }

  app.decorate('published', {
    get latest() {
      return latest;
    },
    get revision() {
      return revision;
    },
    requireLatest,
    noSnapshot(snapshotId) {
      const newest = requireLatest().row.snapshotId;
      return ProblemError.notFound(
        `There is no snapshot ${String(snapshotId)}; the newest is ${String(newest)}.`,
      );
    },
    refresh,
    links,
  });

  const { telemetry } = app;
  telemetry.gauge('latest_snapshot_id', 'The newest snapshot.', () => latest?.row.snapshotId);
  telemetry.gauge(
    'latest_snapshot_timestamp_seconds',
    'When the newest snapshot was computed.',
    () => latest && latest.row.computedAt.getTime() / 1000,
  );
  telemetry.gauge('revision', 'How often rows of past snapshots have changed.', () => revision);

  await noteForm(app.sql, JSON.stringify([...options.form, definitionsVersion]), options.clock());

  const closing = new AbortController();
  // Closing ends the connection; to say so to a server first that is away would take its time.
  app.addHook('preClose', (done) => {
    closing.abort();
    done();
  });
  await followPublications(app, {
    look: refresh,
    problem: 'the newest snapshot could not be read',
    signal: closing.signal,
  });
  await refresh();
}

/** The name as RFC 8288 has it; what would need quoting within quotes is encoded (RFC 8187). */
function licenseLink({ name, url }: PublishedOptions['license']): string {
  const title = /^[\w .:/()+-]+$/.test(name)
    ? `title="${name}"`
    : `title*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, percentEncoded)}`;
  return `<${url}>; rel="license"; ${title}`;
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

export default fp(published, {
  name: 'published',
  dependencies: ['database', 'answers', 'telemetry'],
});
