// Reads a TAP report (the file named as argument) and prints what it came to, as
// `N passed, N failed, N skipped`; fails unless there were tests and every one passed. The
// numbers are the runner's own, from the comment that closes its report.
import { readFileSync } from 'node:fs';

const report = readFileSync(process.argv[2], 'utf8');
const totals = [...report.matchAll(/^# \{ (total: .*) \}$/gm)].at(-1)?.[1];
if (totals === undefined) throw new Error('The report of the tests has no totals.');

const count = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(totals)?.[1] ?? 0);
const passed = count('pass');
const failed = count('fail');
const skipped = count('skip') + count('todo');

console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (passed === 0 || passed !== count('total')) process.exitCode = 1;
