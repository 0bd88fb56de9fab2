/** Why there is no embedded database: one sentence for the operator that says what to do. */
export class EmbeddedPostgresError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedPostgresError';
  }
}

/** What else the operator can do, whatever the embedded server's trouble is. */
export const useAnotherServer = 'set DATABASE_URL to a PostgreSQL server of your own';

const diskFull = (path: string): string =>
  `The disk that holds ${path} is full: free some space and start again.`;

/** A file system's refusal in words; anything else comes back as it is. */
export function explainFileError(error: unknown, dataDirectory: string): unknown {
  if (!(error instanceof Error) || error instanceof EmbeddedPostgresError) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  const where = path ?? dataDirectory;
  const explanations: Readonly<Record<string, string>> = {
    ENOSPC: diskFull(where),
    EDQUOT: diskFull(where),
    EACCES: `This user may not use ${where}: let it own DATA_DIR and all below, or set DATA_DIR to a directory of its own.`,
    EPERM: `This user may not use ${where}: let it own DATA_DIR and all below, or set DATA_DIR to a directory of its own.`,
    EROFS: `${where} is on a read-only file system: set DATA_DIR to a directory that can be written.`,
    ENOTDIR: `A part of ${where} is a file: set DATA_DIR to a directory.`,
    EEXIST: `${where} is a file: set DATA_DIR to a directory.`,
    EBUSY: `${where} is itself a mount point: mount the volume one level higher, at DATA_DIR.`,
  };
  const explanation = code === undefined ? undefined : explanations[code];
  return explanation === undefined
    ? error
    : new EmbeddedPostgresError(explanation, { cause: error });
}

/** What PostgreSQL's own programs said, as an error. */
export function explainOutput(output: string, what: string, dataDirectory: string): Error {
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return new EmbeddedPostgresError(diskFull(dataDirectory), { cause: output });
  }
  if (/could not look up effective user ID/.test(output)) {
    return new EmbeddedPostgresError(
      `PostgreSQL wants the user it runs as to have a name: give it an entry in /etc/passwd, or ${useAnotherServer}.`,
      { cause: output },
    );
  }
  if (/Read-only file system|Permission denied/.test(output)) {
    return new EmbeddedPostgresError(
      `PostgreSQL may not write to ${dataDirectory}: let its user own that directory and all below, or set DATA_DIR to another.`,
      { cause: output },
    );
  }
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1);
  return new EmbeddedPostgresError(
    `${what} failed (${telling?.trim() ?? 'it said nothing'}): see ${dataDirectory}.log, or ${useAnotherServer}.`,
    { cause: output },
  );
}
