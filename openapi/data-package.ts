/** The downloads of a snapshot as a Data Package of Frictionless Data, version 2. */
import { Type, type Static } from '@sinclair/typebox';
import { Citation, citationOf, type Cited } from './citation.ts';
import { dictionaryPath } from './document.ts';
import { count, reference, timestamp, timestampText } from './scalars.ts';
import { listSentence, tableFields } from './table-schema.ts';

const profiles = 'https://datapackage.org/profiles/2.0';

const License = Type.Object(
  {
    name: Type.String({ description: 'Its identifier, as far as it has one.' }),
    title: Type.String({ description: 'Its name, for people.' }),
    path: Type.String({ description: 'Where its text is.' }),
  },
  { description: 'The terms of use.' },
);
const Origin = Type.Object(
  {
    title: Type.String({ description: 'Its name, for people.' }),
    path: Type.String({ description: 'Its address.' }),
  },
  { description: 'Where data come from.' },
);

const TableSchema = Type.Object(
  {
    fields: Type.Array(Type.Object({}, { additionalProperties: true, description: 'A column.' }), {
      description: 'In the order of the columns; unit, beside the standard, is what they count.',
    }),
    missingValues: Type.Array(Type.String(), { description: 'What stands for null.' }),
    primaryKey: Type.Array(Type.String(), { description: 'Columns that tell rows apart.' }),
  },
  { description: 'A Table Schema: the columns of the file.' },
);

export const DataResource = Type.Object(
  {
    name: Type.String({ description: 'What it is called within the package.' }),
    type: Type.Literal('table', { description: 'Always a table.' }),
    title: Type.String({ description: 'Its name, for people.' }),
    description: Type.String({ description: 'What its rows are.' }),
    path: Type.String({ description: 'Relative to the package; names the snapshot.' }),
    format: Type.Literal('csv', { description: 'Always CSV.' }),
    mediatype: Type.Literal('text/csv', { description: 'Always that of CSV.' }),
    encoding: Type.Literal('utf-8', { description: 'Always UTF-8.' }),
    dialect: Type.Object(
      {},
      { additionalProperties: true, description: 'A Table Dialect: how the file is written.' },
    ),
    bytes: count({ description: 'Of the file, uncompressed.' }),
    hash: Type.String({ description: 'sha256: and the digest of the file, in hexadecimal.' }),
    rows: count({ description: 'Beside the standard: rows below the header.' }),
    schema: TableSchema,
  },
  { $id: 'DataResource', description: 'A file of the package.' },
);
export type DataResource = Static<typeof DataResource>;

export const DataPackage = Type.Object(
  {
    $schema: Type.String({ description: 'The profile that the package follows.' }),
    name: Type.String({ description: 'An identifier of the package.' }),
    id: Type.String({ description: 'Where this package stays.' }),
    title: Type.String({ description: 'Its name, for people.' }),
    description: Type.String({ description: 'What it holds, and of when.' }),
    homepage: Type.String({ description: 'The service that it comes from.' }),
    version: Type.String({ description: 'The snapshot and the revision of its rows.' }),
    created: timestamp({ description: 'When the numbers were computed, UTC.' }),
    keywords: Type.Array(Type.String(), { description: 'What it is about.' }),
    licenses: Type.Array(License, { description: 'On whose terms it may be used.' }),
    sources: Type.Array(Origin, { description: 'What the data come from.' }),
    contributors: Type.Array(
      Type.Object(
        {
          title: Type.String({ description: 'A name, for people.' }),
          path: Type.String({ description: 'An address.' }),
          roles: Type.Array(Type.String(), { description: 'What was contributed.' }),
        },
        { description: 'Who had a part in it.' },
      ),
      { description: 'Whose work it is.' },
    ),
    citation: reference(Citation),
    resources: Type.Array(reference(DataResource), { description: 'The files.' }),
  },
  {
    $id: 'DataPackage',
    description: 'A Frictionless Data Package, version 2, of the downloads of one snapshot.',
  },
);
export type DataPackage = Static<typeof DataPackage>;

/** A file that has been made. */
export interface PackagedFile {
  readonly name: string;
  readonly columns: readonly string[];
  readonly length: number;
  /** Base64. */
  readonly sha256: string;
  readonly rows: number;
}

export interface PackageFacts extends Omit<Cited, 'address'> {
  /** Address of the service, without a slash at its end. */
  readonly base: string;
  readonly dashboardUrl: string;
  readonly files: readonly PackagedFile[];
}

interface About {
  readonly title: string;
  readonly description: string;
  readonly key: string;
}

const aboutFiles: Readonly<Record<string, About>> = {
  courses: {
    title: 'Courses',
    description: 'Every course of the snapshot that is still public, one a row, by course_id.',
    key: 'course_id',
  },
  campaigns: {
    title: 'Campaigns',
    description:
      'Every campaign with the totals of its courses. A course of several campaigns counts ' +
      'whole in each of them.',
    key: 'campaign_slug',
  },
  wikis: {
    title: 'Wikis',
    description:
      'Every tracked wiki with the totals of the courses that track it. A course of several ' +
      'wikis counts whole in each of them.',
    key: 'wiki',
  },
};

/** Where the package of a snapshot stays, below the service's address. */
export function packagePath(snapshotId: number): string {
  return `/v1/datapackage.json?snapshot=${String(snapshotId)}`;
}

/** Where the columns of a file of a snapshot, and of its downloads, are described. */
export function fileDescriptions(snapshot: {
  readonly snapshotId: number;
  readonly hasCourseRows: boolean;
}): string[] {
  // Totals that were carried over have no downloads.
  const packages = snapshot.hasCourseRows ? [packagePath(snapshot.snapshotId)] : [];
  return [...packages, dictionaryPath];
}

export function packageBody(facts: PackageFacts): DataPackage {
  const { snapshotId, computedAt, revision, license, base, dashboardUrl } = facts;
  const address = base + packagePath(snapshotId);
  const invented = facts.sourceKind === 'demo' ? ' These are invented, for demonstration.' : '';
  const dashboard = { title: 'Wikimedia Programs & Events Dashboard', path: dashboardUrl };
  return {
    $schema: `${profiles}/datapackage.json`,
    name: 'dashboard-open-data',
    id: address,
    title: `Dashboard Open Data, snapshot ${String(snapshotId)}`,
    description:
      'Metrics of the courses (the Dashboard says programs) of the Wikimedia Programs & Events ' +
      `Dashboard as of ${timestampText(computedAt)}. An empty field is a value that is not ` +
      `known, which is not zero; an empty string is written "". ${listSentence}${invented}`,
    homepage: base,
    version: `${String(snapshotId)}.${String(revision)}`,
    created: timestampText(computedAt),
    keywords: ['Wikimedia', 'Wikipedia', 'edit-a-thon', 'education', 'metrics'],
    licenses: [
      {
        name: license.name.replace(/[^-a-zA-Z0-9._]+/g, '-'),
        title: license.name,
        path: license.url,
      },
    ],
    sources: [dashboard],
    contributors: [{ ...dashboard, roles: ['creator'] }],
    citation: citationOf({ ...facts, address }),
    resources: facts.files.map((file) => resourceBody(file, snapshotId)),
  };
}

function resourceBody(file: PackagedFile, snapshotId: number): DataResource {
  const about = aboutFiles[file.name];
  if (about === undefined) throw new Error(`the file ${file.name} is not described`);
  return {
    name: file.name,
    type: 'table',
    title: about.title,
    description: about.description,
    path: `${file.name}.csv?snapshot=${String(snapshotId)}`,
    format: 'csv',
    mediatype: 'text/csv',
    encoding: 'utf-8',
    dialect: {
      $schema: `${profiles}/tabledialect.json`,
      header: true,
      delimiter: ',',
      lineTerminator: '\r\n',
      quoteChar: '"',
      doubleQuote: true,
      skipInitialSpace: false,
    },
    bytes: file.length,
    hash: `sha256:${Buffer.from(file.sha256, 'base64').toString('hex')}`,
    rows: file.rows,
    schema: {
      fields: tableFields(file.name, file.columns),
      missingValues: [''],
      primaryKey: [about.key],
    },
  };
}
