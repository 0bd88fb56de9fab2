/** A database that is gone from the network without a word: nothing is refused, nothing comes. */
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { connect } from '../db/connect.ts';
import { connectPublisher } from '../jobs/publisher-session.ts';
import { until } from './embedded/holder.ts';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { networkTo } from './support/network.ts';
import { createStore } from './support/store.ts';

t.test('a database that vanishes keeps nobody waiting', async (t) => {
  const direct = await createStore(t);
  await publish(direct, sourceOf({ ...emptyState(), courses: [course(1)] }), new TestClock());
  const network = await networkTo(t, direct);
  const app = await createService(t, network.store, new TestClock(), {}, { statementTimeout: 500 });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const ask = async (path: string) => {
    const answer = await fetch(url + path, { signal: AbortSignal.timeout(29_000) });
    await answer.arrayBuffer();
    return answer;
  };
  const questions = ['/health/ready', '/v1/totals', '/v1/courses', '/v1/snapshots', '/v1/status'];
  for (const path of questions) t.equal((await ask(path)).status, 200, path);

  network.vanish();
  const answers = await Promise.all([...questions, ...questions].map(ask));
  for (const [at, answer] of answers.entries()) {
    t.equal(answer.status, 503, questions[at % questions.length] ?? '');
    t.ok(answer.headers.has('retry-after'));
  }
  t.equal((await ask('/v1/snapshots/latest')).status, 200, 'what is in memory is answered');

  network.comeBack();
  await until('it is ready again', async () => (await ask('/health/ready')).status === 200);
  const after = await Promise.all(questions.map(ask));
  t.same(
    after.map(({ status }) => status),
    questions.map(() => 200),
    'the service has found its way back by itself',
  );
});

t.test('only a connection that waits for an answer is given up', async (t) => {
  const direct = await createStore(t);
  const network = await networkTo(t, direct);
  const options = { max: 1, applicationName: 'test', statementTimeout: 0, answerTimeout: 3000 };
  const sql = connect({ url: network.store.url }, options);
  t.teardown(() => sql.end({ timeout: 0 }));
  const pid = async () => (await sql<[{ pid: number }]>`select pg_backend_pid() as pid`)[0].pid;

  const first = await pid();
  await sql`select pg_sleep(1.5)`;
  await setTimeout(5000);
  t.equal(await pid(), first, 'one that is asked nothing is not');

  network.vanish();
  await t.rejects(pid(), { code: 'CONNECTION_CLOSED' });
  network.comeBack();
  t.ok(await pid());
});

t.test('the server finds out as soon that it is a publisher that has vanished', async (t) => {
  const sql = connectPublisher({ url: (await createStore(t)).url });
  t.teardown(() => sql.end());
  // What a session over TCP has; one over a Unix socket has them as zero.
  const rows = await sql<{ name: string; value: string }[]>`
    select name, reset_val as value from pg_settings
    where name like 'tcp\\_%' order by name`;
  t.strictSame(
    rows.map(({ name, value }) => [name, Number(value)]),
    [
      ['tcp_keepalives_count', 3],
      ['tcp_keepalives_idle', 15],
      ['tcp_keepalives_interval', 5],
      ['tcp_user_timeout', 30_000],
    ],
  );
});
