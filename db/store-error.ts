/** Why the store cannot be used: one sentence for the operator, which names the setting. */
export class StoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
  }
}

/** What the system and the driver say when there is no connection, in words. */
const noConnection: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: is the server running, are its host and port right?',
  ENOTFOUND: 'its host is not known: is the name right?',
  EAI_AGAIN: 'its host cannot be looked up for the moment',
  EHOSTUNREACH: 'its host cannot be reached',
  ENETUNREACH: 'its host cannot be reached',
  ETIMEDOUT: 'its host does not answer',
  CONNECT_TIMEOUT: 'its host does not answer',
  ECONNRESET: 'the server closes the connection at once',
  CONNECTION_CLOSED: 'the server closes the connection at once',
  ENOENT: 'there is no socket at that path: is the server running?',
  EACCES: 'this user may not use that socket',
};

/** What to do about what the server says. */
const remedies: Readonly<Record<string, string>> = {
  '3D000': ': make it first, with create database',
  '42501': ': the role must own the database, or be allowed to create in it',
};

/**
 * Of an error that came of using the database at DATABASE_URL. The address is not repeated,
 * because of the password in it; what the server says holds none.
 */
export function explainDatabaseError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error;
  const { code } = error as NodeJS.ErrnoException;
  // What has no code is a fault of this program.
  if (code === undefined) return error;
  const words = noConnection[code];
  const reason =
    words === undefined ? `${error.message}${remedies[code] ?? ''}` : `${words} (${code})`;
  return new StoreError(`DATABASE_URL cannot be used: ${reason}.`, { cause: error });
}
