/** `npm run bench [-- name …]`: runs the named benchmarks, or all, one after the other. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { tableHead } from './measure.ts';

/** Each is a program of its own, so that what one leaves in memory does not burden the next. */
const benchmarks = [
  'snapshot-reads',
  'publishing',
  'importing',
  'first-sync',
  'questions',
  'downloads',
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !benchmarks.includes(name));
if (unknown.length > 0) {
  throw new Error(`no benchmark: ${unknown.join(', ')}; there are ${benchmarks.join(', ')}`);
}
console.log(tableHead);
for (const name of asked.length > 0 ? asked : benchmarks) {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) process.exitCode = 1;
}
