import { Overtaken } from '../db/queries/stream-file.ts';

/** Codes of the driver and of the system that mean: the database cannot be reached. */
const awayCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
]);

/** Codes of a failed connection; the system gives some of them to other failures too. */
const connectCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);
const networkCalls = new Set(['connect', 'getaddrinfo', 'read', 'write']);

/**
 * SQLSTATEs: shut down by an operator, crashed, starting up, too many connections; the database
 * is not there, or takes no connections, as while it is restored; the role may not log in.
 */
const awayStates = new Set(['57P01', '57P02', '57P03', '53300', '3D000', '55000', '28000']);
const statementTimeout = '57014';

/** SQLSTATEs: disk full, out of memory. */
const roomStates = new Set(['53100', '53200']);

/** SQLSTATEs: no such table, no such schema. The database is another one, or being restored. */
const emptyStates = new Set(['42P01', '3F000']);

/** A sentence for the client if the error means that the database cannot answer now. */
export function databaseProblem(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof Overtaken) return 'Something new has just been published.';
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined) return undefined;
  if (code === statementTimeout) {
    return 'The answer took too long to compute; ask for less, or again later.';
  }
  if (roomStates.has(code)) return 'The database has no room to compute the answer; try later.';
  if (emptyStates.has(code)) return 'The database lacks the tables of this service.';
  const away =
    awayCodes.has(code) ||
    awayStates.has(code) ||
    /^08[0-9A-Z]{3}$/.test(code) ||
    (connectCodes.has(code) &&
      (networkCalls.has(syscall ?? '') || error instanceof AggregateError));
  return away ? 'The database is away for the moment.' : undefined;
}
