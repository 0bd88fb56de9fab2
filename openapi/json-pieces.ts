/**
 * An object as JSON in pieces, its last member a list: so long an answer is never made at
 * one go, which would keep every other request waiting.
 */
export function* jsonPieces(
  head: object,
  list: string,
  items: Iterable<unknown>,
): Generator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},${JSON.stringify(list)}:[`;
  let separator = '';
  for (const item of items) {
    yield separator + JSON.stringify(item);
    separator = ',';
  }
  yield ']}';
}
