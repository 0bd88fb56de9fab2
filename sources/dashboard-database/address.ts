import { isIP } from 'node:net';
import { SourceError } from '../source.ts';

/** Where the database is, and as whom to read it. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Encrypt, and accept only a certificate for the host, from an authority that Node trusts. */
  readonly ssl: boolean;
}

const form = 'mysql://user:password@host:3306/database';

/**
 * What is wrong with `mysql://user:password@host:3306/database`, where `?ssl=true` encrypts, to
 * follow the name of what holds it. It repeats no part of it: in an address that is not of the
 * form, any may be of the password.
 */
export function addressProblem(url: string): string | undefined {
  const parsed = partsOf(url);
  if (parsed === undefined) return `is not of the form ${form}`;
  const { host, user, password, database } = parsed;
  const problems: string[] = [];
  const lacking = Object.entries({ host, user, database }).filter(([, part]) => part === '');
  if (lacking.length > 0) {
    const names = lacking.map(([name]) => name).join(' and its ');
    problems.push(`lacks its ${names}: it is of the form ${form}`);
  }
  if (![user, password, database].every(isPercentEncoded)) {
    problems.push('has a % that begins no code of a character');
  }
  if (![...parsed.parameters].every(isKnownParameter)) {
    problems.push('has a parameter other than ssl=true or ssl=false');
  }
  // The driver compares the certificate with the name of the host, and of an address with "localhost".
  if (isIP(host) !== 0 && parsed.parameters.get('ssl') === 'true') {
    problems.push(
      "needs with ssl=true the name that the server's certificate is for, not an IP address",
    );
  }
  return problems.length === 0 ? undefined : problems.join('; it ');
}

/** @throws {SourceError} saying what is wrong, without repeating the address. */
export function parseAddress(url: string): Address {
  const problem = addressProblem(url);
  const parsed = partsOf(url);
  if (problem !== undefined || parsed === undefined) {
    throw new SourceError(`The address of the Dashboard's database ${String(problem)}.`);
  }
  return {
    host: parsed.host,
    port: parsed.port === '' ? 3306 : Number(parsed.port),
    user: decodeURIComponent(parsed.user),
    password: decodeURIComponent(parsed.password),
    database: decodeURIComponent(parsed.database),
    ssl: parsed.parameters.get('ssl') === 'true',
  };
}

/** As they are written; undefined where there are no such parts. */
function partsOf(url: string) {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'mysql:' && parsed?.protocol !== 'mariadb:') return undefined;
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port,
    user: parsed.username,
    password: parsed.password,
    database: parsed.pathname.slice(1),
    parameters: parsed.searchParams,
  };
}

function isKnownParameter([name, value]: readonly [string, string]): boolean {
  return name === 'ssl' && (value === 'true' || value === 'false');
}

/** Drivers decode what is in an address, and fail on what is no code. */
export function isPercentEncoded(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}
