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
    for (const path of ['/', '/docs', '/problems']) {
      const { page } = await open(browser, address, path, { width: 360, height: 720 });
      const width = await page.evaluate('document.documentElement.scrollWidth');
      t.ok(Number(width) <= 360, `${path} is ${String(width)} wide`);
      await page.close();
    }
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
