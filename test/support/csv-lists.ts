/** The items of a field of a CSV file, read as the documentation says. */
export function splitList(field: string): string[] {
  const items = field.match(/(?:\\.|[^|\\])+/gsu) ?? [];
  return items.map((item) => item.replace(/\\(.)/gsu, '$1'));
}
