import fc from 'fast-check';
import t from 'tap';
import { convertedTexts, harmlessTexts, hostileTexts } from './support/odd-texts.ts';
import { createStore } from './support/store.ts';

t.test('arrays are read as they were given', async (t) => {
  const { sql } = await createStore(t);
  const echo = async (texts: readonly (string | null)[], numbers: readonly (number | null)[]) => {
    const [row] = await sql`select ${texts}::text[] as texts, ${numbers}::bigint[] as numbers`;
    return { ...row };
  };
  const odd = ['', 'NULL', 'null', '{}', '{a,b}', 'a,b', '"', '\\', '\\"', '"\\', '\\\\', 'a\nb'];
  const texts = [...odd, null, ...hostileTexts, ...convertedTexts, ...harmlessTexts];
  const numbers = [0, -1, null, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  t.strictSame(await echo(texts, numbers), { texts, numbers });
  t.strictSame(await echo([], []), { texts: [], numbers: [] });
  const character = fc.constantFrom(...Array.from(`{}",\\ \n'aNUL;[]=é数`));
  const anyTexts = fc.array(fc.option(fc.string({ unit: character })), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(anyTexts, fc.array(fc.option(fc.maxSafeInteger())), async (texts, numbers) => {
      t.strictSame(await echo(texts, numbers), { texts, numbers });
    }),
  );
});

t.test('an array that is written out already is taken as it is', async (t) => {
  const { sql } = await createStore(t);
  const [row] = await sql`select ${'{a,"b c"}'}::text[] as texts, ${'{1,2}'}::bigint[] as numbers`;
  t.strictSame({ ...row }, { texts: ['a', 'b c'], numbers: [1, 2] });
});

t.test(
  'a number beyond those that JavaScript has exactly is refused, in an array too',
  async (t) => {
    const { sql } = await createStore(t);
    await t.rejects(sql`select '{9007199254740993}'::bigint[]`, { name: 'RangeError' });
  },
);
