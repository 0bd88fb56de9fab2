/**
 * Downloads a snapshot of Dashboard Open Data and says whether its files are what they are said
 * to be, and whether every total is what the rows add up to.
 *
 *     curl -O https://…/verify.mjs
 *     node verify.mjs https://… [--snapshot ID]
 *
 * Needs Node.js 20 and this file, and takes nothing for granted that the service says: which
 * metrics there are, and how they are computed, stands here.
 *
 * Exit codes: 0 when everything was compared and agrees, 1 when something disagrees or could not
 * be read, 2 when nothing disagrees, but something can not be compared.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const usage = 'Usage: node verify.mjs URL [--snapshot ID]';

/** Of these a course has a value, and totals are their sums. */
const sums = [
  ...['edits', 'bytes_added', 'references_added', 'articles_edited', 'articles_created'],
  ...['article_views', 'uploads', 'uploads_in_use', 'upload_usages', 'enrollments'],
  ...['trained_enrollments', 'new_editor_enrollments'],
  ...['mainspace_edits', 'article_talk_edits', 'userspace_edits'],
  ...[
    ...['total_revisions', 'items_created', 'items_cleared', 'properties_created'],
    ...['claims_created', 'claims_changed', 'claims_removed'],
    ...['qualifiers_added', 'qualifiers_changed', 'qualifiers_removed'],
    ...['references_added', 'references_changed', 'references_removed'],
    ...['labels_added', 'labels_changed', 'labels_removed'],
    ...['descriptions_added', 'descriptions_changed', 'descriptions_removed'],
    ...['aliases_added', 'aliases_changed', 'aliases_removed'],
    ...['interwiki_links_added', 'interwiki_links_updated', 'interwiki_links_removed'],
    ...['merged_from', 'merged_to', 'redirects_created'],
    ...['reverts_performed', 'restorations_performed', 'lexeme_items_created'],
    ...['lemmas_added', 'lemmas_changed', 'lemmas_removed'],
    ...['forms_added', 'forms_changed', 'forms_removed'],
    ...['representations_added', 'representations_changed', 'representations_removed'],
    ...['form_claims_added', 'form_claims_changed', 'form_claims_removed'],
    ...['senses_added', 'senses_changed', 'senses_removed'],
    ...['glosses_added', 'glosses_changed', 'glosses_removed'],
    ...['sense_claims_added', 'sense_claims_changed', 'sense_claims_removed'],
    ...['other_updates', 'no_data'],
  ].map((name) => `wikidata_${name}`),
];

/** Sums that the value of a single course can lower. */
const signed = new Set(['references_added']);

/** Numbers of courses: of all, or of those with a status. */
const counts = { courses: null, active_courses: 'current', archived_courses: 'archived' };

/** Of the total of another metric: trunc(input × numerator / denominator). */
const derived = { words_added: { input: 'bytes_added', numerator: 40n, denominator: 207n } };

/** Numbers of different people, whom no row names: the only totals that cannot be recomputed. */
const people = ['editors', 'new_editors', 'new_editors_60d', 'facilitators', 'active_facilitators'];

/** What is said here of metrics, for whoever wants to compare it. */
export const known = { sums, signed, counts, derived, people };

const recomputed = [...Object.keys(counts), ...sums, ...Object.keys(derived)];

/**
 * @typedef {Record<string, number | null>} Values
 * @typedef {{ totals: Values, coverage: Values }} Sums
 * @typedef {Sums & { snapshot_id: number }} Snapshot
 * @typedef {Sums & { key: string | null }} Group
 * @typedef {Sums & {
 *   snapshot_id: number, withdrawn_since: number, additive: boolean, groups: Group[] | null
 * }} Totals
 * @typedef {{
 *   name: string, path: string, bytes: number, hash: string, rows: number,
 *   schema: { fields: { name: string }[] }
 * }} Resource
 * @typedef {{ version: string, resources: Resource[] }} Package
 * @typedef {(string | null)[]} Cells Null is an empty field, and an empty string is `""`.
 * @typedef {(name: string) => string | null} Row
 */

/** What was compared, and what did not agree. */
class Report {
  /** @type {string[]} */
  disagreements = [];
  /** What could not be compared, and why. @type {string[]} */
  uncompared = [];
  compared = 0;

  /** @param {(sentence: string) => void} say */
  constructor(say) {
    this.say = say;
  }

  /** @param {string} what @param {unknown} said @param {unknown} found */
  compare(what, said, found) {
    this.expect(what, said === found, said, found);
  }

  /** @param {string} what @param {boolean} holds @param {unknown} said @param {unknown} found */
  expect(what, holds, said, found) {
    this.compared += 1;
    if (!holds) this.disagreements.push(`${what}: said ${String(said)}, found ${String(found)}`);
  }

  /**
   * A part, and its result as a line. A part that compares nothing has not been checked.
   *
   * @param {string} what @param {() => Promise<void> | void} check
   */
  async part(what, check) {
    const before = { compared: this.compared, wrong: this.disagreements.length };
    await check();
    const count = this.compared - before.compared;
    if (count === 0) this.disagreements.push('there was nothing to compare');
    const wrong = this.disagreements.slice(before.wrong);
    this.say(`${wrong.length === 0 ? 'agrees   ' : 'DISAGREES'}  ${what} (${count} values)`);
    for (const line of wrong.slice(0, 20)) this.say(`             ${line}`);
    if (wrong.length > 20) this.say(`             and ${wrong.length - 20} more`);
  }

  /** @param {string} what */
  leaveOpen(what) {
    this.uncompared.push(what);
    this.say(`NOT COMPARED ${what}`);
  }
}

/** Beyond this, numbers are added up as BigInt, so that every sum is exact. */
const exactly = 2 ** 51;

/** A whole number that JSON holds exactly. @param {string | null} text */
function numberOf(text) {
  if (text === null) return null;
  const value = Number(text);
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new Error(`${JSON.stringify(text)} is no whole number`);
}

/** Courses, added up. */
class Tally {
  courses = 0;
  /** Of each metric in `sums`, what is not in `#high`. */
  #low = new Float64Array(sums.length);
  /** @type {Map<number, bigint>} */
  #high = new Map();
  #counts = new Uint32Array(sums.length);
  /** @type {Map<string | null, number>} */
  #statuses = new Map();

  /** @param {string | null} status @param {(number | null)[]} values in the order of `sums` */
  add(status, values) {
    this.courses += 1;
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    for (const [place, value] of values.entries()) {
      if (value === null) continue;
      this.#counts[place] = (this.#counts[place] ?? 0) + 1;
      const low = this.#low[place] ?? 0;
      if (Math.abs(value) < exactly && Math.abs(low) < exactly) this.#low[place] = low + value;
      else {
        const high = this.#high.get(place) ?? 0n;
        this.#high.set(place, high + BigInt(low) + BigInt(value));
        this.#low[place] = 0;
      }
    }
  }

  /**
   * Over no courses a sum is 0; over courses none of which has a value, null; and null too where
   * it is beyond what JSON holds exactly.
   *
   * @param {string} name
   * @returns {number | null}
   */
  total(name) {
    if (isKeyOf(counts, name)) {
      const status = counts[name];
      return status === null ? this.courses : (this.#statuses.get(status) ?? 0);
    }
    if (isKeyOf(derived, name)) {
      const input = this.total(derived[name].input);
      return input === null ? null : derive(derived[name], input);
    }
    if (this.courses === 0) return 0;
    if (this.coverage(name) === 0) return null;
    const place = sums.indexOf(name);
    const value = Number((this.#high.get(place) ?? 0n) + BigInt(this.#low[place] ?? 0));
    return Number.isSafeInteger(value) ? value : null;
  }

  /** How many courses had a value. @param {string} name @returns {number} */
  coverage(name) {
    if (name in counts) return this.courses;
    if (isKeyOf(derived, name)) return this.coverage(derived[name].input);
    return this.#counts[sums.indexOf(name)] ?? 0;
  }
}

/**
 * @param {{ numerator: bigint, denominator: bigint }} formula
 * @param {number} input
 */
function derive({ numerator, denominator }, input) {
  return Number((BigInt(input) * numerator) / denominator);
}

/**
 * @template {object} T
 * @param {T} object
 * @param {PropertyKey} name
 * @returns {name is keyof T}
 */
function isKeyOf(object, name) {
  return Object.hasOwn(object, name);
}

/** Which groups a course is in, by what one can group by. @type {Record<string, (row: Row) => (string | null)[]>} */
const dimensions = {
  home_wiki: (row) => [row('home_wiki')],
  type: (row) => [row('type')],
  status: (row) => [row('status')],
  start_year: (row) => [row('start')?.slice(0, 4).replace(/^0+/, '') ?? null],
  wiki: (row) => listOf(row('wikis')),
  campaign: (row) => listOf(row('campaigns')),
};

/** A course counts whole in each of these groups, so that they do not add up. */
const overlapping = new Set(['wiki', 'campaign']);

/**
 * Items have `|` between them, and `\` before one that is of an item. What has none is a group of
 * its own.
 *
 * @param {string | null} text
 * @returns {(string | null)[]}
 */
function listOf(text) {
  const items = (text ?? '').match(/(?:\\[^]|[^|\\])+/g) ?? [];
  return items.length === 0 ? [null] : items.map((item) => item.replace(/\\([^])/g, '$1'));
}

/** All courses, and those of every group. */
class Tallies {
  all = new Tally();
  /** @type {Map<string, Map<string | null, Tally>>} */
  groups = new Map(Object.keys(dimensions).map((name) => [name, new Map()]));
  #last = 0;

  /** @param {Row} row */
  add(row) {
    this.#check(row);
    const status = row('status');
    const values = sums.map((name) => numberOf(row(name)));
    this.all.add(status, values);
    for (const [name, keysOf] of Object.entries(dimensions)) {
      const tallies = this.of(name);
      for (const key of keysOf(row)) {
        let tally = tallies.get(key);
        if (tally === undefined) tallies.set(key, (tally = new Tally()));
        tally.add(status, values);
      }
    }
  }

  /** @param {string} dimension */
  of(dimension) {
    const tallies = this.groups.get(dimension);
    if (tallies === undefined) throw new Error(`nobody can group by ${dimension}`);
    return tallies;
  }

  /** Every course once, and its derived values from its own. @param {Row} row */
  #check(row) {
    const id = Number(row('course_id'));
    if (!(id > this.#last)) throw new Error(`course ${id} comes after course ${this.#last}`);
    this.#last = id;
    for (const [name, formula] of Object.entries(derived)) {
      const input = row(formula.input);
      const value = input === null ? null : String(derive(formula, Number(input)));
      if (row(name) !== value) {
        throw new Error(`course ${id} has ${name} ${row(name)}, where it should be ${value}`);
      }
    }
  }
}

/**
 * @param {string} base the address of a service, without a slash at its end
 * @param {string} asked a number of a snapshot, or `latest`
 * @param {(sentence: string) => void} say
 * @returns {Promise<0 | 1 | 2>} the exit code
 */
export async function verify(base, asked, say) {
  for (let tries = 1; ; tries += 1) {
    const report = new Report(say);
    const version = await compareAll(report, base, asked);
    if (version !== undefined && tries < 3) {
      say(`Something was published meanwhile: the package is of version ${version} now. Again.`);
      continue;
    }
    const wrong = report.disagreements.length;
    if (wrong > 0) {
      say(`${wrong} of ${report.compared} values disagree.`);
      return 1;
    }
    if (report.compared === 0) {
      say('Nothing could be compared.');
      return 2;
    }
    if (report.uncompared.length > 0) {
      say(`${report.compared} values agree, but not everything could be compared.`);
      return 2;
    }
    say(`All ${report.compared} values agree.`);
    return 0;
  }
}

/**
 * @param {Report} report @param {string} base @param {string} asked
 * @returns {Promise<string | undefined>} the version of the package, where it has changed meanwhile
 */
async function compareAll(report, base, asked) {
  const answer = await fetchPackage(base, asked);
  if (answer === undefined) {
    report.say(`Snapshot ${asked} of ${base}`);
    report.leaveOpen('anything: it has only totals, and no rows of courses to add up again');
    return undefined;
  }
  const described = /** @type {Package} */ (await answer.json());
  const snapshot = Number(answer.headers.get('snapshot-id'));
  if (asked !== 'latest' && snapshot !== Number(asked)) {
    throw new Error(`asked for snapshot ${asked}, got ${snapshot}`);
  }
  report.say(`Snapshot ${snapshot} of ${base}`);
  const tallies = new Tallies();
  const resourceOf = (/** @type {string} */ name) => {
    const resource = described.resources.find((one) => one.name === name);
    if (resource === undefined) throw new Error(`the package describes no ${name}`);
    const path = `${name}.csv?snapshot=${snapshot}`;
    if (resource.path !== path) throw new Error(`${name} is not at ${path}: ${resource.path}`);
    return { resource, address: `${base}/v1/${path}` };
  };
  /** @param {string} name @param {readonly string[]} needed @param {(row: Row) => void} onRow */
  const checkResource = async (name, needed, onRow) => {
    const { resource, address } = resourceOf(name);
    await report.part(`${name}.csv is the file that the package describes`, () =>
      checkFile(report, address, resource, needed, onRow),
    );
  };
  const ofCourses = [...sums, ...Object.keys(derived)];
  const grouping = ['course_id', 'home_wiki', 'type', 'status', 'start', 'wikis', 'campaigns'];
  await checkResource('courses', [...grouping, ...ofCourses], (row) => tallies.add(row));
  for (const [name, dimension, key] of /** @type {const} */ ([
    ['wikis', 'wiki', 'wiki'],
    ['campaigns', 'campaign', 'campaign_slug'],
  ])) {
    /** @type {Map<string | null, Sums>} */
    const said = new Map();
    const needed = [key, ...recomputed, ...recomputed.map((metric) => `${metric}_coverage`)];
    await checkResource(name, needed, (row) => {
      if (said.has(row(key))) throw new Error(`${row(key)} is there twice`);
      said.set(row(key), sumsOf(row));
    });
    await report.part(`the rows of ${name}.csv are the sums of their courses`, () => {
      const found = new Map(tallies.of(dimension));
      found.delete(null);
      // A campaign may have no course; a wiki is there because a course tracks it.
      const keys =
        name === 'wikis' ? said.keys() : [...said.keys()].filter((one) => found.has(one));
      report.compare(name, listed(keys), listed(found.keys()));
      for (const [one, values] of said) {
        compareSums(report, `${one} `, values, found.get(one) ?? new Tally());
      }
    });
  }
  await checkTotals(report, base, snapshot, tallies);
  // Sums of no rows agree with whatever is said to be 0, which proves nothing.
  if (tallies.all.courses === 0)
    report.leaveOpen('anything but zeros: the snapshot has no courses');
  const after = await fetchPatiently(`${base}/v1/datapackage.json?snapshot=${snapshot}`);
  const { version } = /** @type {Package} */ (await after.json());
  return version === described.version ? undefined : version;
}

/**
 * Undefined of a snapshot that has totals only, such as one that was carried over.
 *
 * @param {string} base @param {string} asked
 */
async function fetchPackage(base, asked) {
  try {
    return await fetchPatiently(`${base}/v1/datapackage.json?snapshot=${asked}`);
  } catch (error) {
    if (error instanceof Refusal && error.isForLackOfRows) return undefined;
    throw error;
  }
}

/** @param {Iterable<string | null>} keys */
function listed(keys) {
  return [...keys]
    .map((key) => JSON.stringify(key))
    .sort()
    .join();
}

/** @param {Row} row @returns {Sums} */
function sumsOf(row) {
  const number = (/** @type {string} */ name) => numberOf(row(name));
  return {
    totals: Object.fromEntries(recomputed.map((name) => [name, number(name)])),
    coverage: Object.fromEntries(recomputed.map((name) => [name, number(`${name}_coverage`)])),
  };
}

/**
 * @param {Report} report @param {string} address @param {Resource} resource
 * @param {readonly string[]} needed @param {(row: Row) => void} onRow
 */
async function checkFile(report, address, resource, needed, onRow) {
  // Plain, so that the digest of what is sent is that of the file.
  const answer = await fetchPatiently(address, { 'accept-encoding': 'identity' });
  if (answer.body === null) throw new Error(`${address} has no body`);
  const digest = createHash('sha256');
  let bytes = 0;
  let rows = 0;
  /** @type {Cells | undefined} */
  let columns;
  /** @type {Map<string | null, number>} */
  let places = new Map();
  const reader = new CsvReader();
  /** @param {Iterable<Cells>} records */
  const take = (records) => {
    for (const cells of records) {
      if (columns === undefined) {
        columns = cells;
        places = new Map(cells.map((name, place) => [name, place]));
        const missing = needed.filter((name) => !places.has(name));
        if (missing.length > 0) throw new Error(`${address} has no columns ${missing.join(', ')}`);
        continue;
      }
      rows += 1;
      if (cells.length !== columns.length) {
        throw new Error(`row ${rows} of ${address} has ${cells.length} fields`);
      }
      onRow((name) => cells[places.get(name) ?? -1] ?? null);
    }
  };
  for await (const chunk of /** @type {AsyncIterable<Uint8Array>} */ (answer.body)) {
    digest.update(chunk);
    bytes += chunk.length;
    take(reader.read(chunk));
  }
  take(reader.end());
  const sha256 = digest.digest();
  report.compare('bytes', resource.bytes, bytes);
  report.compare('hash', resource.hash, `sha256:${sha256.toString('hex')}`);
  report.compare('rows', resource.rows, rows);
  report.compare('Row-Count', answer.headers.get('row-count'), String(rows));
  const declared = answer.headers.get('repr-digest');
  if (declared !== null) {
    report.compare('Repr-Digest', declared, `sha-256=:${sha256.toString('base64')}:`);
  }
  const names = resource.schema.fields.map(({ name }) => name);
  report.compare('columns', names.join(), (columns ?? []).join());
}

/** Records of RFC 4180, which end with CRLF each. */
class CsvReader {
  // A mark at its beginning would be part of the first name.
  #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #text = '';

  /** The records that are complete. @param {Uint8Array} chunk */
  read(chunk) {
    this.#text += this.#decoder.decode(chunk, { stream: true });
    return this.#records();
  }

  /** The rest: there must be none. */
  end() {
    this.#text += this.#decoder.decode();
    const records = this.#records();
    if (this.#text !== '') throw new Error('the file ends in the middle of a record');
    return records;
  }

  #records() {
    /** @type {Cells[]} */
    const records = [];
    let start = 0;
    for (;;) {
      const end = endOfRecord(this.#text, start);
      if (end === -1) break;
      records.push(cellsOf(this.#text.slice(start, end)));
      start = end + 2;
    }
    this.#text = this.#text.slice(start);
    return records;
  }
}

/** Where the CRLF is that no quotes are around; -1 where it has not come. @param {string} text @param {number} start */
function endOfRecord(text, start) {
  let isQuoted = false;
  let place = start;
  for (;;) {
    const end = text.indexOf('\r\n', place);
    if (end === -1) return -1;
    for (;;) {
      const quote = text.indexOf('"', place);
      if (quote === -1 || quote > end) break;
      isQuoted = !isQuoted;
      place = quote + 1;
    }
    if (!isQuoted) return end;
    place = end + 2;
  }
}

const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|$)/y;

/** @param {string} record @returns {Cells} */
function cellsOf(record) {
  if (!record.includes('"') && !/[\r\n]/.test(record)) {
    return record.split(',').map((text) => (text === '' ? null : text));
  }
  /** @type {Cells} */
  const cells = [];
  field.lastIndex = 0;
  for (;;) {
    const match = field.exec(record);
    if (match === null) throw new Error(`${JSON.stringify(record)} is no record of RFC 4180`);
    const [, quoted, plain, end] = match;
    cells.push(quoted === undefined ? plain || null : quoted.replaceAll('""', '"'));
    if (end === '') return cells;
  }
}

/** @param {Report} report @param {string} base @param {number} snapshot @param {Tallies} tallies */
async function checkTotals(report, base, snapshot, tallies) {
  const address = `${base}/v1/totals?snapshot=${snapshot}`;
  const totals = /** @type {Totals} */ (await fetchJson(address));
  await report.part('the totals are the sums of the rows', () => {
    report.compare('snapshot_id', totals.snapshot_id, snapshot);
    compareSums(report, '', totals, tallies.all);
    comparePeople(report, totals);
  });
  for (const name of Object.keys(dimensions)) {
    const grouped = /** @type {Totals} */ (await fetchJson(`${address}&group_by=${name}`));
    await report.part(`the groups by ${name} are the sums of their rows`, () => {
      const found = tallies.of(name);
      const said = new Map((grouped.groups ?? []).map((group) => [group.key, group]));
      report.compare('snapshot_id', grouped.snapshot_id, snapshot);
      report.compare('additive', grouped.additive, !overlapping.has(name));
      report.compare('number of groups', (grouped.groups ?? []).length, found.size);
      report.compare('groups', listed(said.keys()), listed(found.keys()));
      compareSums(report, '', grouped, tallies.all);
      for (const [key, group] of said) {
        compareSums(report, `${String(key)} `, group, found.get(key) ?? new Tally());
      }
    });
  }
  const published = /** @type {Snapshot} */ (await fetchJson(`${base}/v1/snapshots/${snapshot}`));
  await checkPublished(report, published, snapshot, totals.withdrawn_since, tallies.all);
}

/**
 * What was published stands, whatever was withdrawn since: then it is not the sums of what is
 * left, and can only be held to what withdrawals can explain.
 *
 * @param {Report} report @param {Snapshot} published @param {number} snapshot
 * @param {number} withdrawn @param {Tally} all
 */
async function checkPublished(report, published, snapshot, withdrawn, all) {
  if (withdrawn === 0) {
    await report.part('the published totals are the sums of the rows', () => {
      report.compare('snapshot_id', published.snapshot_id, snapshot);
      compareSums(report, '', published, all);
      comparePeople(report, published);
    });
    return;
  }
  await report.part('the published totals are within what withdrawals can explain', () => {
    report.compare('snapshot_id', published.snapshot_id, snapshot);
    const { totals, coverage } = published;
    report.compare('courses', totals['courses'], all.courses + withdrawn);
    for (const name of recomputed) {
      const found = all.total(name);
      const said = totals[name];
      const covered = coverage[name] ?? -1;
      const least = all.coverage(name);
      const isCovered = least <= covered && covered <= least + withdrawn;
      report.expect(`coverage of ${name}`, isCovered, covered, `${least} to ${least + withdrawn}`);
      const isSure = name in counts || !signed.has(name);
      // Published without any value it is null, and over no course at all the sum is 0.
      const isNone = said === null && all.courses === 0;
      const isExplained =
        said !== undefined && (found === null || isNone || (said !== null && said >= found));
      if (isSure) report.expect(name, isExplained, said, `at least ${found}`);
    }
  });
  // Their rows are gone, so that what they were of the totals cannot be added up again.
  report.leaveOpen(`the published totals exactly: ${withdrawn} courses were withdrawn since`);
}

/** @param {Report} report @param {string} what @param {Sums} said @param {Tally} found */
function compareSums(report, what, said, found) {
  for (const name of recomputed) {
    report.compare(what + name, said.totals[name], found.total(name));
    report.compare(`${what}coverage of ${name}`, said.coverage[name], found.coverage(name));
  }
}

/** That there are no other metrics than those that are known here. @param {Report} report @param {Sums} said */
function comparePeople(report, said) {
  const others = Object.keys(said.totals).filter((name) => !recomputed.includes(name));
  report.compare('metrics that are not recomputed', listed(others), listed(people));
}

/** @param {string} address @returns {Promise<unknown>} */
async function fetchJson(address) {
  return (await fetchPatiently(address)).json();
}

/** An answer for good that is not what was asked for. */
class Refusal extends Error {
  /** @param {string} address @param {number} status @param {string} body */
  constructor(address, status, body) {
    super(`${address} answers ${status}: ${body}`);
    /** Whether it says that there are totals, but no rows that they are the sums of. */
    this.isForLackOfRows = status === 404 && body.includes('"/problems/no-course-rows"');
  }
}

/** Seconds that are waited at most before asking again, and how often that is done. */
const longestPause = 60;
const mostTries = 60;

/**
 * Asks again when told to come later: over the quota, or while the files are being made.
 *
 * @param {string} address @param {Record<string, string>} [headers]
 */
async function fetchPatiently(address, headers = {}) {
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(address, { headers });
    if (answer.ok) return answer;
    const later = Number(answer.headers.get('retry-after'));
    if (tries === mostTries || !(later > 0) || ![429, 503].includes(answer.status)) {
      throw new Refusal(address, answer.status, await answer.text());
    }
    await answer.body?.cancel();
    await delay(Math.min(later, longestPause) * 1000);
  }
}

/** @param {string[]} args */
async function run(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        snapshot: { type: 'string', default: 'latest' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) {
      process.stdout.write(`${usage}\n`);
      return;
    }
    const [address] = positionals;
    if (address === undefined || positionals.length > 1 || !URL.canParse(address)) {
      throw new Error(usage);
    }
    process.exitCode = await verify(
      address.replace(/\/+$/, ''),
      values.snapshot ?? 'latest',
      (line) => {
        process.stdout.write(`${line}\n`);
      },
    );
  } catch (error) {
    process.exitCode = 1;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${message}${cause === undefined ? '' : `: ${cause.message}`}\n`);
  }
}

// Not where it is imported, as by its test.
if (
  process.argv[1] !== undefined &&
  pathToFileURL(realpathSync(process.argv[1])).href === import.meta.url
) {
  await run(process.argv.slice(2));
}
