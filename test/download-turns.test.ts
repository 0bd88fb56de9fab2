import t from 'tap';
import { DownloadTurns, type Turn } from '../plugins/download-turns.ts';

const large = 1_000_000;
const small = 20_000;
const { signal: staying } = new AbortController();

/** Enters, and tells in `entered` when. */
function enterAs(turns: DownloadTurns, entered: string[], name: string, rows: number) {
  return turns.enter(name, rows, staying).then((turn) => {
    entered.push(name);
    return turn;
  });
}

/** Whatever can happen without anything else has happened after it. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

t.test('one large download is made at once, and small ones beside it', async (t) => {
  const turns = new DownloadTurns();
  const entered: string[] = [];
  const [first, second] = ['first', 'second'].map((name) => enterAs(turns, entered, name, large));
  await settle();
  const others = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) =>
    enterAs(turns, entered, name, small),
  );
  await settle();
  t.strictSame(entered, ['first', 'a', 'b', 'c', 'd', 'e'], 'six at once');
  (await first)?.leave();
  await settle();
  t.strictSame(entered.slice(6), ['f'], 'before the large one that came later to this queue');
  (await others[0])?.leave();
  (await others[1])?.leave();
  await settle();
  t.strictSame([...entered.slice(7)].sort(), ['g', 'second']);
  for (const turn of [second, ...others]) (await turn)?.leave();
});

t.test('a large download that waits for its readers lets the next be made', async (t) => {
  const turns = new DownloadTurns();
  const entered: string[] = [];
  const [first, second, third] = ['first', 'second', 'third'].map((name) =>
    enterAs(turns, entered, name, large),
  ) as [Promise<Turn>, Promise<Turn>, Promise<Turn>];
  const slow = await first;
  slow.slowDown();
  await second;
  slow.leave();
  await settle();
  t.strictSame(entered, ['first', 'second'], 'once');
  (await second).leave();
  await third;
});

t.test('who waits until no large one is made waits for those that wait, too', async (t) => {
  const turns = new DownloadTurns();
  const entered: string[] = [];
  const short = await enterAs(turns, entered, 'small', small);
  await turns.noLarge();
  const [first, second] = ['first', 'second'].map((name) =>
    enterAs(turns, entered, name, large),
  ) as [Promise<Turn>, Promise<Turn>];
  const rest = turns.noLarge().then(() => entered.push('rest'));
  (await first).leave();
  await settle();
  t.strictSame(entered, ['small', 'first', 'second']);
  (await second).leave();
  await rest;
  t.strictSame(entered, ['small', 'first', 'second', 'rest']);
  short.leave();
});

t.test('one who leaves while a large download waits leaves no trace', async (t) => {
  const turns = new DownloadTurns();
  const made = [await turns.enter('a', large, staying)];
  const left = new AbortController();
  const waits = t.rejects(turns.enter('c', large, left.signal), /enough/);
  left.abort(new Error('enough'));
  await waits;
  for (const turn of made) turn.leave();
  const others = await Promise.all(
    Array.from({ length: 5 }, () => turns.enter('d', small, staying)),
  );
  const waiting = new AbortController();
  const again = [await turns.enter('e', large, staying)];
  const behind = t.rejects(turns.enter('g', small, waiting.signal), /enough/);
  waiting.abort(new Error('enough'));
  await behind;
  for (const turn of [...others, ...again]) turn.leave();
});

t.test('too many that wait are refused, and told when to come back', async (t) => {
  const turns = new DownloadTurns();
  const made = [await turns.enter('a', large, staying)];
  const left = new AbortController();
  const waits = Array.from({ length: 64 }, () =>
    t.rejects(turns.enter('a', large, left.signal), /enough/),
  );
  await t.rejects(turns.enter('a', large, staying), /waiting for their turn/);
  left.abort(new Error('enough'));
  await Promise.all(waits);
  for (const turn of made) turn.leave();
});
