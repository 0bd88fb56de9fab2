import t, { type Test } from 'tap';
import { makeDirectory } from './embedded/holder.ts';
import { buildService, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const store = await createStore(t);

/** What is left to whoever is counted for a request that was forwarded. */
async function counting(t: Test, trustProxy: string) {
  const app = await buildService(
    t,
    {
      DATABASE_URL: store.url,
      DATA_DIR: await makeDirectory(t),
      RATE_LIMIT_PER_MINUTE: '100',
      TRUST_PROXY: trustProxy,
    },
    { scheduler: false, clock: new TestClock().read },
  );
  return async (remoteAddress: string, forwardedFor: string) => {
    const headers = { 'x-forwarded-for': forwardedFor };
    const answer = await app.inject({ url: '/v1/metrics', remoteAddress, headers });
    return Number(/r=(\d+)/.exec(String(answer.headers['ratelimit']))?.[1]);
  };
}

t.test('With TRUST_PROXY=false the header is nobody’s word', async (t) => {
  const left = await counting(t, 'false');
  t.equal(await left('10.0.0.1', '192.0.2.1'), 99);
  t.equal(await left('10.0.0.1', '192.0.2.2'), 98);
});

t.test('With a number, so many addresses from the right are proxies’', async (t) => {
  const left = await counting(t, '2');
  t.equal(await left('10.0.0.1', '192.0.2.1, 10.0.0.2'), 99);
  t.equal(await left('10.0.0.1', '192.0.2.1:5555, 10.0.0.2:81'), 98, 'a port is no client');
  t.equal(await left('10.0.0.1', '203.0.113.9, 192.0.2.1:5556, 10.0.0.3'), 97, 'nor a lie');
  t.equal(await left('10.0.0.1', '192.0.2.7, 10.0.0.2'), 99);
});

t.test('With a list, whatever is before the last proxy of the list is the client', async (t) => {
  const left = await counting(t, '10.0.0.0/8, 2001:db8::/32');
  t.equal(await left('10.0.0.1', '192.0.2.1, 10.0.0.2'), 99);
  t.equal(await left('10.0.0.1', '192.0.2.1:5555, 10.0.0.2:81, [2001:db8::7]:443'), 98);
  t.equal(await left('10.0.0.1', '203.0.113.9, 192.0.2.1'), 97, 'a lie is not believed');
  t.equal(await left('192.0.2.1', '203.0.113.9'), 96, 'nor is who is not in the list');
  t.equal(await left('10.0.0.1', '[2001:dead:beef:1::1]:5, 10.9.9.9'), 99);
  t.equal(await left('10.0.0.1', '[2001:dead:beef:1::2]:6'), 98, 'a /64 is one client');
});

t.test('With TRUST_PROXY=true the first address is the client’s', async (t) => {
  const left = await counting(t, 'true');
  t.equal(await left('10.0.0.1', '192.0.2.1:5555, 198.51.100.1'), 99);
  t.equal(await left('10.0.0.1', '192.0.2.1:5556'), 98);
});
