import fc from 'fast-check';
import t from 'tap';
import { CopiedTexts } from '../db/copied-texts.ts';

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function row(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([0, 1]), int32(bytes.length), bytes]);
}

const header = Buffer.concat([signature, int32(0), int32(0)]);
const trailer = Buffer.from([0xff, 0xff]);

function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
  }
  return [...pieces, Buffer.from(bytes.subarray(at))].filter((piece) => piece.length > 0);
}

t.test('texts are given whole, however the bytes come', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('x'.repeat(300)))),
      fc.array(fc.integer({ min: 1, max: 40 })),
      (texts, lengths) => {
        const copied = new CopiedTexts();
        const copy = Buffer.concat([header, ...texts.map(row), trailer]);
        const taken = cut(copy, lengths).map((piece) => copied.take(piece));
        copied.end();
        const text = Buffer.concat(taken.map((one) => one.text)).toString();
        const rows = taken.reduce((sum, one) => sum + one.rows, 0);
        return text === texts.join('') && rows === texts.length;
      },
    ),
  );
});

t.test('a copy that stops anywhere before its end is no copy', async (t) => {
  const whole = Buffer.concat([header, row('one'), row('two'), trailer]);
  for (let length = 0; length < whole.length; length += 1) {
    const copied = new CopiedTexts();
    copied.take(Buffer.from(whole.subarray(0, length)));
    t.throws(() => copied.end(), /ended before its last row/, `${String(length)} bytes`);
  }
});

t.test('what is not texts of one column is refused', async (t) => {
  for (const [what, bytes] of [
    ['a null', Buffer.concat([header, Buffer.from([0, 1]), int32(-1)])],
    ['two columns', Buffer.concat([header, Buffer.from([0, 2]), int32(1), Buffer.from('a')])],
    ['a row after the end', Buffer.concat([header, trailer, row('late')])],
    ['a header of more', Buffer.concat([signature, int32(0), int32(4), Buffer.alloc(4)])],
    ['text', Buffer.from('one\ntwo\nthree\nfour\nfive\n')],
  ] as const) {
    t.throws(() => new CopiedTexts().take(Buffer.from(bytes)), /^a copy has/, what);
  }
});
