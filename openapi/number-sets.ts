/** A set of whole numbers from 0 to 2^53 − 1 in few bytes: as a bit each, or as gaps. */
const asBits = 0;
const asGaps = 1;

/** @param numbers in any order, each once */
export function packNumbers(numbers: Iterable<number>): Buffer {
  const sorted = [...numbers].sort((a, b) => a - b);
  const gaps: number[] = [asGaps];
  let before = 0;
  for (const number of sorted) {
    pushVarint(gaps, number - before);
    before = number;
  }
  const first = sorted[0] ?? 0;
  const span = before - first + 1;
  if (span / 8 >= gaps.length) return Buffer.from(gaps);
  const head: number[] = [asBits];
  pushVarint(head, first);
  const bits = Buffer.alloc(Math.ceil(span / 8));
  for (const number of sorted) {
    const place = number - first;
    bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
  }
  return Buffer.concat([Buffer.from(head), bits]);
}

/** Ascending. */
export function unpackNumbers(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  let at = 1;
  const nextVarint = () => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  if (bytes[0] === asGaps) {
    for (let before = 0; at < bytes.length;) {
      before += nextVarint();
      numbers.push(before);
    }
    return numbers;
  }
  const first = nextVarint();
  for (let place = 0; at + (place >> 3) < bytes.length; place += 1) {
    if (((bytes[at + (place >> 3)] ?? 0) >> (place & 7)) & 1) numbers.push(first + place);
  }
  return numbers;
}

/** Seven bits a byte, the lowest first; not with shifts, which have 32 bits. */
function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
