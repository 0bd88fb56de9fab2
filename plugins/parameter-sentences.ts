import type { AnySchemaObject } from 'ajv';

/** A value as it was sent, cut to what a person reads. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** What a parameter must be, said from its schema: "must be a whole number from 1 to 1000". */
export function expectation(schema: AnySchemaObject): string {
  const choices = choicesOf(schema);
  if (choices !== undefined) return `must be ${oneOf(choices)}`;
  switch (schema['type']) {
    case 'integer':
      return `must be a whole number${range(schema, 'minimum', 'maximum')}`;
    case 'number':
      return `must be a number${range(schema, 'minimum', 'maximum')}`;
    case 'boolean':
      return 'must be true or false';
    case 'string':
      return text(schema);
    default:
      return 'is not valid';
  }
}

function text(schema: AnySchemaObject): string {
  switch (schema['format']) {
    case 'date':
      return 'must be a day of the calendar, as in 2026-02-28';
    case 'date-time':
      return 'must be a time, as in 2026-02-28T12:00:00Z';
    case undefined:
      break;
    default:
      return `must be a ${String(schema['format'])}`;
  }
  if (typeof schema['pattern'] === 'string') {
    return patterned(schema);
  }
  const length = range(schema, 'minLength', 'maxLength');
  if (length === ' of at least 1') return 'must not be empty';
  return length === ''
    ? 'must be text'
    : `must be text${length.replace(' from', ' of')} characters`;
}

/** A pattern is for programs; people are told what its description says that it is. */
function patterned({ description }: AnySchemaObject): string {
  const [sentence] = /^[^.]+/.exec(String(description ?? '')) ?? [];
  if (sentence === undefined) return 'is not written as it must be';
  return `must be ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}

function range(schema: AnySchemaObject, lowest: string, highest: string): string {
  const low: unknown = schema[lowest];
  const high: unknown = schema[highest];
  if (typeof low === 'number' && typeof high === 'number') return ` from ${low} to ${high}`;
  if (typeof low === 'number') return ` of at least ${low}`;
  return typeof high === 'number' ? ` of at most ${high}` : '';
}

function choicesOf(schema: AnySchemaObject): readonly unknown[] | undefined {
  if (Array.isArray(schema['enum'])) return schema['enum'] as readonly unknown[];
  if ('const' in schema) return [schema['const'] as unknown];
  if (!Array.isArray(schema['anyOf'])) return undefined;
  const choices: unknown[] = [];
  for (const branch of schema['anyOf'] as AnySchemaObject[]) {
    const some = choicesOf(branch);
    if (some === undefined) return undefined;
    choices.push(...some);
  }
  return choices;
}

function oneOf(choices: readonly unknown[]): string {
  const words = choices.map((choice) => JSON.stringify(choice));
  return words.length === 1 ? (words[0] ?? '') : `one of ${words.join(', ')}`;
}
