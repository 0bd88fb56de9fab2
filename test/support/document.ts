type Tree = Record<string, unknown>;

/**
 * The document with every response, header and parameter where it is used. Schemas stay
 * references, as components that refer to each other.
 */
export function dereferenced(document: object): unknown {
  const components = (document as { components: Record<string, Tree> }).components;
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const [, section, name] =
      /^#\/components\/(responses|headers|parameters)\/(.*)$/.exec(
        String((value as Tree)['$ref']),
      ) ?? [];
    if (section !== undefined && name !== undefined) return resolve(components[section]?.[name]);
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolve(member)]));
  };
  return resolve(document);
}
