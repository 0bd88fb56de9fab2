/** How to cite a snapshot: by its number, its moment, its revision and where it stays. */
import { Type, type Static } from '@sinclair/typebox';
import { timestampText } from './scalars.ts';

export const citationFormats = ['text', 'bibtex', 'csl-json'] as const;
export type CitationFormat = (typeof citationFormats)[number];

export const citationMediaTypes = {
  text: 'text/plain',
  bibtex: 'application/x-bibtex',
  'csl-json': 'application/vnd.citationstyles.csl+json',
} as const satisfies Record<CitationFormat, string>;

export interface Cited {
  readonly snapshotId: number;
  readonly computedAt: Date;
  readonly sourceKind: string;
  /** Of the rows: a withdrawal raises it, and leaves the published totals as they are. */
  readonly revision: number;
  /** Absolute. */
  readonly address: string;
  readonly license: { readonly name: string; readonly url: string };
}

const author = 'Wikimedia Programs & Events Dashboard';

const DateParts = Type.Object(
  {
    'date-parts': Type.Array(Type.Array(Type.Integer({ minimum: 1, maximum: 9999 })), {
      description: 'Year, month and day.',
    }),
  },
  { description: 'The day of the snapshot.' },
);

/** An item of CSL-JSON. */
export const CslItem = Type.Object(
  {
    id: Type.String({ description: 'An identifier for a reference manager.' }),
    type: Type.Literal('dataset', { description: 'Always a data set.' }),
    title: Type.String({ description: 'Names the snapshot and its moment.' }),
    author: Type.Array(
      Type.Object(
        { literal: Type.String({ description: 'A name, as it is written.' }) },
        { description: 'Who is to be named.' },
      ),
      { description: 'Who is to be named.' },
    ),
    issued: DateParts,
    version: Type.String({ description: 'The snapshot and the revision of its rows.' }),
    URL: Type.String({ description: 'Where the snapshot stays.' }),
    license: Type.String({ description: 'The address of the licence.' }),
  },
  { $id: 'CslItem', description: 'A data set as CSL-JSON describes it.' },
);
export type CslItem = Static<typeof CslItem>;

export const Citation = Type.Object(
  {
    text: Type.String({ description: 'For a list of references.' }),
    bibtex: Type.String({ description: 'For BibTeX.' }),
    csl_json: Type.Array(Type.Unsafe<CslItem>(Type.Ref('CslItem')), {
      description: 'For reference managers.',
    }),
  },
  { $id: 'Citation', description: 'The same citation in three forms.' },
);
export type Citation = Static<typeof Citation>;

export function citationOf(cited: Cited): Citation {
  return { text: textOf(cited), bibtex: bibtexOf(cited), csl_json: [cslOf(cited)] };
}

/** The body of a citation in one form, a line end at its end. */
export function citationBody(cited: Cited, format: CitationFormat): string {
  const citation = citationOf(cited);
  if (format === 'csl-json') return `${JSON.stringify(citation.csl_json, null, 2)}\n`;
  return `${citation[format]}\n`;
}

function titleOf({ snapshotId, computedAt, sourceKind }: Cited): string {
  const moment = timestampText(computedAt);
  const invented = sourceKind === 'demo' ? ' (invented data, for demonstration)' : '';
  return `Dashboard Open Data, snapshot ${String(snapshotId)} of ${moment}${invented}`;
}

function versionOf({ snapshotId, revision }: Cited): string {
  return `${String(snapshotId)}, revision ${String(revision)}`;
}

function textOf(cited: Cited): string {
  const year = String(cited.computedAt.getUTCFullYear());
  return (
    `${author} (${year}). ${titleOf(cited)}, revision ${String(cited.revision)} [Data set]. ` +
    `${cited.license.name}. ${cited.address}`
  );
}

function bibtexOf(cited: Cited): string {
  const moment = timestampText(cited.computedAt);
  const fields: readonly (readonly [string, string])[] = [
    ['author', `{${escaped(author)}}`],
    ['title', `{${escaped(titleOf(cited))}}`],
    ['year', moment.slice(0, 4)],
    ['month', String(Number(moment.slice(5, 7)))],
    ['version', escaped(versionOf(cited))],
    ['howpublished', `\\url{${cited.address}}`],
    ['note', escaped(`Data set, ${cited.license.name}, ${cited.license.url}`)],
  ];
  const lines = fields.map(([name, value]) => `  ${name} = {${value}}`).join(',\n');
  return `@misc{dashboard_open_data_${String(cited.snapshotId)},\n${lines}\n}`;
}

/** What means something to TeX, as the character itself. */
function escaped(text: string): string {
  return text.replace(/[\\{}&%$#_~^]/g, (character) => {
    if (character === '\\') return '\\textbackslash{}';
    if (character === '~') return '\\textasciitilde{}';
    if (character === '^') return '\\textasciicircum{}';
    return `\\${character}`;
  });
}

function cslOf(cited: Cited): CslItem {
  const { computedAt } = cited;
  return {
    id: `dashboard-open-data-${String(cited.snapshotId)}`,
    type: 'dataset',
    title: titleOf(cited),
    author: [{ literal: author }],
    issued: {
      'date-parts': [
        [computedAt.getUTCFullYear(), computedAt.getUTCMonth() + 1, computedAt.getUTCDate()],
      ],
    },
    version: versionOf(cited),
    URL: cited.address,
    license: cited.license.url,
  };
}
