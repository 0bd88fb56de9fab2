import { Type, type TSchema } from '@sinclair/typebox';

/** The greatest whole number that every JSON reader holds exactly. */
export const maxSafeInteger = 9_007_199_254_740_991;

interface Described {
  readonly description?: string;
}

/** A whole number, zero or more. */
export function count(options: Described = {}) {
  return Type.Integer({ format: 'int64', minimum: 0, maximum: maxSafeInteger, ...options });
}

/** The number that something is known by. */
export function identifier(options: Described = {}) {
  return Type.Integer({ format: 'int64', minimum: 1, maximum: maxSafeInteger, ...options });
}

/** A whole number that may be negative, or null: not known. */
export function nullableInteger(options: Described & { readonly minimum?: number } = {}) {
  return Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    format: 'int64',
    minimum: -maxSafeInteger,
    maximum: maxSafeInteger,
    ...options,
  });
}

export function nullableString(options: Described & { readonly format?: string } = {}) {
  return Type.Unsafe<string | null>({ type: ['string', 'null'], ...options });
}

/** RFC 3339, UTC, whole seconds: `2026-11-22T12:00:00Z`. */
export function timestamp(options: Described = {}) {
  return Type.String({ format: 'date-time', ...options });
}

/** One of a few words; TypeBox's own unions would become `anyOf const`. */
export function word<const T extends readonly string[]>(
  words: T,
  options: Described & { readonly default?: T[number] } = {},
) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...words], ...options });
}

/** A reference to a component by its `$id`. */
export function reference<T extends TSchema>(component: T) {
  return Type.Unsafe<T['static']>(Type.Ref(component.$id ?? ''));
}

/** A moment as the API writes it. */
export function timestampText(moment: Date): string {
  return `${moment.toISOString().slice(0, 19)}Z`;
}
