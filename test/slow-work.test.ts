import t from 'tap';
import { breakSilence, sayIfSlow } from '../db/slow-work.ts';

void t.test('what takes more than a second is said, and what is quick is not', async (t) => {
  const said: string[] = [];
  let end = (_sentence: string): void => undefined;
  const slow = new Promise<string>((resolve) => (end = resolve));
  const say = (sentence: string) => {
    said.push(sentence);
    end(sentence);
  };
  t.equal(await sayIfSlow(say, 'Reading …', Promise.resolve(3)), 3);
  t.same(said, []);
  t.equal(await sayIfSlow(say, 'Writing …', slow), 'Writing …', 'it ends once that is said');
  t.same(said, ['Writing …']);
  await t.rejects(sayIfSlow(say, 'Failing …', Promise.reject(new Error('away'))), /away/);
});

void t.test('a silence in the middle is broken too', async (t) => {
  const said: string[] = [];
  await breakSilence(
    (sentence) => said.push(sentence),
    'Going on …',
    (say) =>
      new Promise<void>((resolve) => {
        say('Beginning.');
        const look = () => {
          if (said.length > 1) resolve();
          else setTimeout(look, 10);
        };
        look();
      }),
  );
  t.same(said, ['Beginning.', 'Going on …']);
});
