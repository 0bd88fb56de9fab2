import { SourceError } from '../source.ts';
import type { Address } from './address.ts';

/** What the driver adds to an error: a name for what the network or the server said. */
export interface DatabaseError extends Error {
  readonly code?: string | undefined;
  readonly errno?: number | undefined;
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]);
const cut = new Set(['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE', 'ER_SERVER_SHUTDOWN']);
/** MariaDB names these only by number: the connection was killed, the statement took too long. */
const killedByOperator = 1927;
const statementTimeout = 1969;

/** The error as a sentence for an operator; the server's own words are in `problems`. */
export function explain(error: DatabaseError, address: Address): SourceError {
  const said = withoutPassword(error.message, address.password);
  return new SourceError(sentence(error, address), said === '' ? [] : [said], {
    cause: { name: error.name, code: error.code, message: said },
  });
}

function sentence(error: DatabaseError, { host, port, user, database }: Address): string {
  const code = error.code ?? '';
  if (unreachable.has(code)) {
    return `The Dashboard's database does not answer at ${host}:${port} (${code}).`;
  }
  if (cut.has(code) || error.errno === killedByOperator) {
    return `The connection to the Dashboard's database at ${host}:${port} was cut.`;
  }
  if (error.errno === statementTimeout || code === 'ER_QUERY_TIMEOUT') {
    return "The Dashboard's database took too long over one question, and stopped it.";
  }
  switch (code) {
    case 'SILENCE':
      return `The Dashboard's database at ${host}:${port} stopped answering.`;
    case 'ER_ACCESS_DENIED_ERROR':
      return `The Dashboard's database refuses the user "${user}" or its password.`;
    case 'ER_DBACCESS_DENIED_ERROR':
      return `The user "${user}" may not use the database "${database}", or there is none of that name.`;
    case 'ER_BAD_DB_ERROR':
      return `There is no database "${database}" at ${host}:${port}.`;
    case 'ER_QUERY_INTERRUPTED':
      return "Somebody stopped the reading at the Dashboard's database.";
    case 'ER_TABLE_DEF_CHANGED':
      return "The Dashboard's database changed its tables while it was read.";
    case 'HANDSHAKE_SSL_ERROR':
    case 'HANDSHAKE_NO_SSL_SUPPORT':
      return `The Dashboard's database at ${host}:${port} does not offer an encrypted connection that can be trusted.`;
    case 'ER_SECURE_TRANSPORT_REQUIRED':
      return `The Dashboard's database at ${host}:${port} wants an encrypted connection: end the address with ?ssl=true.`;
    default:
      return `The Dashboard's database could not be read${code === '' ? '' : ` (${code})`}.`;
  }
}

/** What the failed probe of a column says is lacking, or `undefined` when it failed for another reason. */
export function lack(
  failure: SourceError,
  table: string,
  column: string,
  user: string,
): string | undefined {
  switch ((failure.cause as DatabaseError | undefined)?.code) {
    case 'ER_NO_SUCH_TABLE':
      return `the table ${table} is missing`;
    case 'ER_BAD_FIELD_ERROR':
      return `the column ${column} of ${table} is missing`;
    case 'ER_TABLEACCESS_DENIED_ERROR':
      return `the user "${user}" may not read the table ${table}`;
    case 'ER_COLUMNACCESS_DENIED_ERROR':
      return `the user "${user}" may not read the column ${column} of ${table}`;
    default:
      return undefined;
  }
}

function withoutPassword(message: string, password: string): string {
  return password === '' ? message : message.replaceAll(password, '[password]');
}
