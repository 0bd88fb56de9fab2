// Reads a TAP report (the file named as argument) and prints what did not pass, each by its
// full name with the runner's diagnostics, then what it all came to, as
// `N passed, N failed, N skipped`; fails unless there were tests and every one passed. The
// numbers are the runner's own, from the comment that closes its report.
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { Parser } from 'tap-parser';

const report = readFileSync(process.argv[2], 'utf8');

/** The innermost results that did not pass: a test that only contains one is not named. */
function notPassed(events) {
  const found = [];
  for (const [kind, value] of events) {
    if (kind === 'child') found.push(...notPassed(value));
    if (kind !== 'assert' || (value.ok && value.skip === false && value.todo === false)) continue;
    const inner = found.some(({ fullname }) => fullname.startsWith(`${value.fullname} > `));
    if (!inner) found.push(value);
  }
  return found;
}

for (const { ok, fullname, diag } of notPassed(Parser.parse(report))) {
  console.log(`${ok ? 'SKIPPED' : 'FAILED'} ${fullname}`);
  for (const [name, value] of Object.entries(diag ?? {})) {
    console.log(`  ${name}: ${typeof value === 'string' ? value : inspect(value)}`);
  }
}

const totals = [...report.matchAll(/^# \{ (total: .*) \}$/gm)].at(-1)?.[1];
if (totals === undefined) throw new Error('The report of the tests has no totals.');

const count = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(totals)?.[1] ?? 0);
const passed = count('pass');
const failed = count('fail');
const skipped = count('skip') + count('todo');

console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (passed === 0 || passed !== count('total')) process.exitCode = 1;
