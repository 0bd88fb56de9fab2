import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { SlugLines } from '../sources/dashboard-csv-slugs.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

t.test('slugs that are kept do not keep the text that they were read from', async (t) => {
  const rest = 'x'.repeat(65_536);
  for (const name of ['SCHOOL/COURSE_NUMBER_', 'École/Titre_du_cours_', '大学/课程的名称是什么_']) {
    const slugs = new SlugLines();
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let line = 0; line < 1000; line += 1) {
      const [slug = ''] = `${name}${line},${rest}`.split(',');
      slugs.add(slug, line);
    }
    collectGarbage();
    const kept = process.memoryUsage().heapUsed - before;
    t.ok(kept < 16e6, `${name}: ${kept} bytes of ${1000 * rest.length}`);
    t.equal(slugs.add(`${name}7`, 1000), 7);
  }
});

t.test('only spaces at the end do not matter, however many there are elsewhere', (t) => {
  const spaces = ' '.repeat(1_000_000);
  const slugs = new SlugLines();
  t.equal(slugs.add(`A/B${spaces}C`, 2), undefined);
  t.equal(slugs.add(`A/B${spaces}c${spaces}`, 3), 2);
  t.equal(slugs.add(`A/B${spaces}é`, 4), undefined);
  t.equal(slugs.add(`A/B${spaces}E `, 5), 4);
  t.equal(slugs.add('A/B', 6), undefined);
  t.equal(slugs.add('a/b ', 7), 6);
  t.equal(slugs.add(spaces, 8), undefined);
  t.end();
});
