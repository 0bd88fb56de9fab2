import type { Queryable } from '../connect.ts';

/** A key that works. */
export interface WorkingKey {
  readonly name: string;
  /** SHA-256 of the token, which is kept nowhere. */
  readonly digest: Buffer;
  readonly perMinute: number;
  /** A day, UTC. */
  readonly lastUsedOn: string | null;
}

export interface ApiKey extends Omit<WorkingKey, 'digest'> {
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

export async function listWorkingKeys(sql: Queryable): Promise<WorkingKey[]> {
  return sql<WorkingKey[]>`
    select name, digest, per_minute as "perMinute", last_used_on::text as "lastUsedOn"
    from api_keys where revoked_at is null`;
}

/** All there were, by name. */
export async function listKeys(sql: Queryable): Promise<ApiKey[]> {
  return sql<ApiKey[]>`
    select name, per_minute as "perMinute", created_at as "createdAt", revoked_at as "revokedAt",
      last_used_on::text as "lastUsedOn"
    from api_keys order by name collate "C"`;
}

/** Whether it was made: not where there is or was a key of that name. */
export async function createKey(
  sql: Queryable,
  key: { readonly name: string; readonly digest: Buffer; readonly perMinute: number },
  at: Date,
): Promise<boolean> {
  const { count } = await sql`
    insert into api_keys (name, digest, per_minute, created_at)
    values (${key.name}, ${key.digest}, ${key.perMinute}, ${at}) on conflict do nothing`;
  return count === 1;
}

/** Whether there was such a key to revoke. */
export async function revokeKey(sql: Queryable, name: string, at: Date): Promise<boolean> {
  const { count } = await sql`
    update api_keys set revoked_at = ${at} where name = ${name} and revoked_at is null`;
  return count === 1;
}

export async function noteKeyUse(sql: Queryable, name: string, day: string): Promise<void> {
  await sql`
    update api_keys set last_used_on = ${day}::text::date
    where name = ${name} and (last_used_on is null or last_used_on < ${day}::text::date)`;
}
