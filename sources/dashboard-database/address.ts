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

/**
 * Reads `mysql://user:password@host:3306/database`; `?ssl=true` encrypts.
 *
 * @throws {SourceError} saying what is wrong, without repeating the address.
 */
export function parseAddress(url: string): Address {
  const form = 'mysql://user:password@host:3306/database';
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'mysql:' && parsed?.protocol !== 'mariadb:') {
    throw new SourceError(`The address of the Dashboard's database is not of the form ${form}.`);
  }
  for (const [name, value] of parsed.searchParams) {
    if (name !== 'ssl' || (value !== 'true' && value !== 'false')) {
      throw new SourceError(
        `The address of the Dashboard's database has a parameter "${name}" that is not ssl=true or ssl=false.`,
      );
    }
  }
  const address = {
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? 3306 : Number(parsed.port),
    user: decoded(parsed.username),
    password: decoded(parsed.password),
    database: decoded(parsed.pathname.slice(1)),
    ssl: parsed.searchParams.get('ssl') === 'true',
  };
  if (address.host === '' || address.user === '' || address.database === '') {
    throw new SourceError(
      `The address of the Dashboard's database lacks its host, user or database: it is of the form ${form}.`,
    );
  }
  if (address.ssl && isIP(address.host) !== 0) {
    // The driver compares the certificate with the name of the host, and of an address with "localhost".
    throw new SourceError(
      "With ssl=true the address of the Dashboard's database needs the name that the server's certificate is for, not an IP address.",
    );
  }
  return address;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new SourceError(
      "The address of the Dashboard's database has a % that is not followed by two hexadecimal digits.",
      [],
      { cause: error },
    );
  }
}
