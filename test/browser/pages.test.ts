import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import t from 'tap';
import { course, emptyState, sourceOf } from '../support/courses.ts';
import { createService, publish, TestClock } from '../support/service.ts';
import { createStore } from '../support/store.ts';

const executablePath = '/usr/bin/chromium';

if (!existsSync(executablePath) && process.env['CI'] === undefined) {
  t.plan(0, `these need Chromium at ${executablePath}`);
} else {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  t.teardown(() => browser.close());

  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, sourceOf({ ...emptyState(), courses: [course(1043509406)] }), clock);
  const app = await createService(t, store, clock, {
    CONTACT: 'data@example.org',
    DATA_LICENSE: 'CC0 <1.0> https://example.org/cc0?a=1&b=2',
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });

  void t.test('the first page shows the newest numbers and leads everywhere', async (t) => {
    const { page, complaints } = await open(browser, address, '/');
    t.match(await page.textContent('.numbers'), /Edits\s*1,043,509,406/);
    t.match(await page.textContent('.numbers'), /Uploads\s*not collected/);
    t.match(await page.textContent('footer'), 'CC0 <1.0>', 'text is text, not markup');
    const anchors = await page.locator('main a').all();
    const links = await Promise.all(anchors.map((anchor) => anchor.getAttribute('href')));
    for (const link of [
      '/system_metrics.json',
      '/health/live',
      '/health/ready',
      ...['totals', 'trends', 'activity', 'courses', 'campaigns', 'wikis', 'metrics', 'status'].map(
        (name) => `/v1/${name}`,
      ),
      '/v1/datapackage.json',
    ]) {
      t.ok(
        links.some((each) => each?.split('?')[0] === link),
        link,
      );
    }
    for (const link of links) {
      const response = await fetch(new URL(link ?? '', address));
      // The package describes files that are not made ahead here.
      const expected = link === '/v1/datapackage.json' ? [200, 503] : [200];
      t.ok(expected.includes(response.status), `${String(link)}: ${String(response.status)}`);
      await response.body?.cancel();
    }
    for (const said of await page.locator('main dl.links dd').all()) {
      t.match(await said.textContent(), /\w/, 'each with what it answers');
    }
    t.same(complaints, []);
    await page.close();
  });

  void t.test('the contract can be read and tried, from this address alone', async (t) => {
    const { page, complaints } = await open(browser, address, '/docs');
    await page.click('#operations-Snapshots-getLatestSnapshot .opblock-summary-control');
    await page.click('#operations-Snapshots-getLatestSnapshot .try-out__btn');
    await page.click('#operations-Snapshots-getLatestSnapshot .execute');
    const body = page.locator('#operations-Snapshots-getLatestSnapshot .live-responses-table');
    await body.getByText('snapshot_id').first().waitFor();
    t.match(await body.textContent(), /"edits": 1043509406/);
    t.same(complaints, []);
    await page.close();
  });

  void t.test('what may be left out is left out unless it is filled in', async (t) => {
    const { page, complaints } = await open(browser, address, '/docs');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url().slice(address.length)));
    for (const [id, path] of [
      ['Courses-listCourses', '/v1/courses'],
      ['Slices-getTotals', '/v1/totals'],
      ['Snapshots-getSnapshot', '/v1/snapshots/1'],
      ['Campaigns_and_wikis-downloadWikis', '/v1/wikis.csv'],
    ] as const) {
      const operation = page.locator(`[id="operations-${id}"]`);
      await operation.locator('.opblock-summary-control').click();
      await operation.locator('.try-out__btn').click();
      await operation.locator('.execute').click();
      await operation.locator('.live-responses-table tbody .response-col_status').first().waitFor();
      t.equal(asked.at(-1), path);
      t.match(await operation.locator('.live-responses-table').textContent(), /200/, path);
    }
    t.same(complaints, []);
    await page.close();
  });

  void t.test('each operation shows how to ask this very server', async (t) => {
    const { page, complaints } = await open(browser, address, '/docs');
    const operation = page.locator('#operations-Slices-getTotals');
    await operation.locator('.opblock-summary-control').click();
    const samples = operation.locator('.code-samples details');
    await samples.first().waitFor();
    t.same(await samples.locator('summary').allTextContents(), [
      'curl',
      'Python',
      'R',
      'JavaScript',
    ]);
    for (const sample of await samples.all()) {
      await sample.locator('summary').click();
      t.ok(await sample.locator('pre').isVisible());
      t.match(await sample.locator('pre').textContent(), `${address}/v1/totals?`);
    }
    t.same(complaints, []);
    await page.close();
  });

  void t.test('the guides are pages, whose links lead somewhere', async (t) => {
    const { page, complaints } = await open(browser, address, '/docs');
    const links = await page.locator('nav a').all();
    const paths = await Promise.all(links.map((link) => link.getAttribute('href')));
    const guides = paths.filter((path) => path?.startsWith('/docs/'));
    t.equal(guides.length, 4);
    for (const guide of guides) {
      await page.goto(address + String(guide), { waitUntil: 'networkidle' });
      t.match(await page.locator('h1').textContent(), /\w/);
      for (const link of await page.locator('a').all()) {
        const { pathname, hash, origin } = new URL(
          (await link.getAttribute('href')) ?? '',
          page.url(),
        );
        if (origin !== new URL(address).origin) continue;
        const response = await fetch(address + pathname);
        t.equal(response.status, 200, `${String(guide)} → ${pathname}`);
        const text = await response.text();
        if (hash !== '') t.ok(text.includes(`id="${hash.slice(1)}"`), `${pathname}${hash}`);
      }
    }
    t.same(complaints, []);
    await page.close();
  });

  void t.test('a number is on one line, within its tile', async (t) => {
    for (const width of [1280, 375, 320]) {
      const { page } = await open(browser, address, '/', { width, height: 900 });
      const figures = await page.evaluate<[text: string, lines: number, overflows: boolean][]>(`
        [...document.querySelectorAll('.numbers dd')].map((figure) => {
          const range = document.createRange();
          range.selectNodeContents(figure);
          const bottoms = [...range.getClientRects()].map(({ bottom }) => Math.round(bottom));
          const overflows = figure.scrollWidth > figure.clientWidth;
          return [figure.textContent, new Set(bottoms).size, overflows];
        })`);
      t.equal(figures.length, 8);
      for (const [text, lines, overflows] of figures) {
        t.equal(lines, 1, `${text} at ${String(width)}`);
        t.notOk(overflows, `${text} at ${String(width)}`);
      }
      await page.close();
    }
  });

  void t.test('on a phone nothing is wider than the screen', async (t) => {
    const guides = ['researchers-guide', 'operators-guide', 'stability', 'readme'];
    for (const path of ['/', '/docs', '/problems', ...guides.map((name) => `/docs/${name}`)]) {
      const { page } = await open(browser, address, path, { width: 360, height: 720 });
      const width = await page.evaluate('document.documentElement.scrollWidth');
      t.ok(Number(width) <= 360, `${path} is ${String(width)} wide`);
      await page.close();
    }
  });

  void t.test('an operation can be read and tried on a phone', async (t) => {
    const { page } = await open(browser, address, '/docs', { width: 360, height: 720 });
    for (const id of ['Courses-listCourses', 'Slices-downloadTrends', 'Snapshots-getSnapshot']) {
      const operation = page.locator(`[id="operations-${id}"]`);
      await operation.locator('.opblock-summary-control').click();
      await operation.locator('.try-out__btn').click();
      await operation.locator('.execute').click();
      await operation.locator('.live-responses-table tbody .response-col_status').first().waitFor();
      for (const summary of await operation.locator('.code-samples summary').all()) {
        await summary.click();
      }
      // Code and bodies scroll by themselves; whatever else is cut off cannot be reached.
      const beyond = await page.evaluate<string[]>(`
        [...document.querySelectorAll('#operations-${id} *')]
          .filter((part) => part.getBoundingClientRect().right > innerWidth + 1)
          .filter((part) => {
            for (let box = part; box !== null; box = box.parentElement) {
              if (['auto', 'scroll'].includes(getComputedStyle(box).overflowX)) return false;
            }
            return true;
          })
          .map((part) => part.tagName + '.' + String(part.className))`);
      t.same(beyond, [], id);
      const width = await page.evaluate('document.documentElement.scrollWidth');
      t.ok(Number(width) <= 360, `${id} is ${String(width)} wide`);
      const folder = process.env['SCREENSHOTS'];
      if (folder !== undefined) await operation.screenshot({ path: `${folder}/${id}.png` });
      await operation.locator('.opblock-summary-control').click();
    }
    await page.close();
  });
}

/** A page, and whatever it complained of or asked of somebody else. */
async function open(
  browser: Browser,
  address: string,
  path: string,
  viewport = { width: 1200, height: 900 },
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(address) && !url.startsWith('data:')) complaints.push(url);
  });
  await page.goto(address + path, { waitUntil: 'networkidle' });
  return { page, complaints };
}
