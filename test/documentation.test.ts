import { readdir, readFile } from 'node:fs/promises';
import t from 'tap';
import { environmentSchema, secretSettings } from '../config.ts';
import type { Status } from '../openapi/status.ts';
import { systemStatsGrant } from '../sources/dashboard-database/system-stats.ts';
import { grantStatements, quoted } from '../sources/dashboard-database/tables.ts';
import { isPage } from './support/contract.ts';
import { dereferenced } from './support/document.ts';
import { campaign, course, emptyState, sourceOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const root = new URL('../', import.meta.url);
const read = (name: string) => readFile(new URL(name, root), 'utf8');

void t.test('the README documents every setting as the schema has it', async (t) => {
  const readme = await read('README.md');
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$/gm)];
  t.same(
    rows.map(([, name]) => name),
    Object.keys(environmentSchema.properties),
  );
  for (const [, name, standard, meaning] of rows) {
    const schema = environmentSchema.properties[name as keyof typeof environmentSchema.properties];
    const value: unknown = schema.default;
    t.equal(
      standard,
      typeof value === 'string' ? `\`${value}\`` : '',
      `default of ${String(name)}`,
    );
    t.equal(meaning, schema.description, `meaning of ${String(name)}`);
  }
});

void t.test('the README’s grants are those that suffice', async (t) => {
  const readme = await read('README.md');
  for (const statement of grantStatements('dashboard', "'open_data'@'%'")) {
    t.match(readme, statement);
  }
  const columns = systemStatsGrant.columns.map(quoted).join(', ');
  t.match(
    readme,
    `grant select (${columns}) on ${quoted('dashboard')}.${systemStatsGrant.table} to 'open_data'@'%';`,
    'and what carrying the history over needs',
  );
});

void t.test(
  'every command is in the README, and those that keep it running in the guide',
  async (t) => {
    const { scripts } = JSON.parse(await read('package.json')) as {
      scripts: Record<string, string>;
    };
    const commands = Object.keys(scripts).filter((name) => scripts[name]?.includes('commands/'));
    t.ok(commands.length >= 6);
    const [readme, guide] = await Promise.all([read('README.md'), read('docs/operators-guide.md')]);
    for (const name of commands) t.match(readme, new RegExp(`npm run ${name}\\b`), name);
    for (const name of ['snapshot', 'backfill', 'purge', 'keys']) {
      t.match(guide, new RegExp(`npm run (--silent )?${name}\\b`), name);
    }
    for (const flag of ['--confirm-withdrawals', '?confirm_withdrawals=true']) {
      t.ok(readme.includes(flag), flag);
    }
  },
);

void t.test('the unit for systemd keeps its data where it may write', async (t) => {
  const [, unit = ''] = /^```ini\n([^]*?)^```$/m.exec(await read('docs/operators-guide.md')) ?? [];
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];
  t.equal(value('DynamicUser'), 'yes');
  t.equal(value('Environment'), `DATA_DIR=/var/lib/${String(value('StateDirectory'))}`);
});

void t.test('the first page leads to every resource, and every link answers', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state = { ...emptyState(), campaigns: [campaign(1)], courses: [course(1)] };
  await publish(store, sourceOf(state), clock);
  const app = await createService(t, store, clock);
  const { body } = await app.inject('/');
  const links = [...body.matchAll(/<dt><a href="([^"]+)">([^<]+)<\/a>/g)].map(
    ([, link = '', shown]) => {
      t.equal(shown, link);
      return link.replaceAll('&amp;', '&');
    },
  );
  for (const link of links) {
    const { statusCode } = await app.inject(link);
    // The one that waits for its files.
    if (statusCode === 503) await app.exports.settled();
    t.equal(statusCode === 503 ? (await app.inject(link)).statusCode : statusCode, 200, link);
  }
  for (const name of ['totals', 'trends', 'activity', 'courses', 'campaigns', 'wikis']) {
    t.ok(
      links.some((link) => link.startsWith(`/v1/${name}?`)),
      name,
    );
  }
});

void t.test('every script that the documents name exists', async (t) => {
  const { scripts } = JSON.parse(await read('package.json')) as {
    scripts: Record<string, string>;
  };
  for (const file of ['README.md', 'CONTRIBUTING.md', 'docs/operators-guide.md']) {
    for (const [, name] of (await read(file)).matchAll(/npm run (?:--silent )?([a-z0-9:-]+)/g)) {
      t.ok(name !== undefined && name in scripts, `${file}: npm run ${String(name)}`);
    }
  }
});

void t.test('links between the documents lead somewhere', async (t) => {
  for (const file of [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'bench/README.md',
    'docs/researchers-guide.md',
    'docs/operators-guide.md',
    'docs/stability.md',
  ]) {
    for (const [, target = ''] of (await read(file)).matchAll(/\]\(([^)#:]+)\)/g)) {
      const address = new URL(target, new URL(file, root));
      const there = target.endsWith('/')
        ? readdir(address).then((names) => names.length > 0)
        : readFile(address).then(() => true);
      t.ok(await there, `${file} → ${target}`);
    }
  }
});

void t.test('every route is described in the contract, or is a page', async (t) => {
  const app = await createService(t, await createStore(t), new TestClock(), {
    ADMIN_TOKEN: 'a'.repeat(32),
  });
  const document = dereferenced(app.swagger()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  for (const { method, path } of app.knownRoutes) {
    const template = path.replace(/:(\w+)/g, '{$1}');
    const operation = document.paths[template]?.[method === 'HEAD' ? 'get' : method.toLowerCase()];
    t.ok(operation !== undefined || isPage(path), `${method} ${path}`);
    t.notOk(operation !== undefined && isPage(path), `${path} is one or the other`);
  }
  t.ok(app.knownRoutes.length > 2 * Object.keys(document.paths).length);
  const ids = new Set<string>();
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const name = `${method} ${path}`;
      t.ok(operation.operationId, `${name} has an operationId`);
      t.notOk(ids.has(operation.operationId), `${operation.operationId} is unique`);
      ids.add(operation.operationId);
      t.ok(operation.summary, `${name} has a summary`);
      t.ok(operation.description, `${name} has a description`);
      t.equal(operation.tags.length, 1, `${name} has a tag`);
      for (const parameter of operation.parameters ?? []) {
        t.ok(parameter.description, `${name}: ${parameter.name} is described`);
      }
      for (const [status, response] of Object.entries(operation.responses)) {
        t.ok(response.description, `${name}: ${status} is described`);
      }
    }
  }
});

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly description: string }[];
  readonly responses: Record<string, { readonly description: string }>;
}

void t.test('settings that are secret are marked so', async (t) => {
  const names = Object.keys(environmentSchema.properties);
  for (const name of names.filter((each) => /TOKEN|SECRET|DATABASE_URL|REDIS_URL/.test(each))) {
    t.ok((secretSettings as readonly string[]).includes(name), name);
  }
});

void t.test(
  'files cost more than one of the quota, and the status and the contract say so',
  async (t) => {
    const app = await createService(t, await createStore(t), new TestClock());
    const { limits } = (await app.inject('/v1/status')).json<Status>();
    const { paths } = app.swagger() as { paths: Record<string, { get?: Partial<Operation> }> };
    const files = Object.keys(paths).filter((path) => path.endsWith('.csv'));
    t.ok(files.length > 0);
    for (const path of files) {
      const cost = limits.costs.find((each) => each.path === path);
      t.ok(cost !== undefined && cost.cost > 1, path);
      t.match(paths[path]?.get?.description, `Costs ${String(cost?.cost)} of the quota.`);
    }
  },
);
