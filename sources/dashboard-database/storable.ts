/**
 * Every text from the source comes through here, from a column, a key in YAML or a name in a
 * warning: PostgreSQL stores neither NUL nor half of a surrogate pair, and one such character
 * would make each run fail.
 */
export function storable(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes('\0') ? whole.replaceAll('\0', '') : whole;
}
