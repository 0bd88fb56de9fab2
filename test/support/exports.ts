import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import { exportOf, line } from '../dashboard-csv-file.ts';

/** What is known of an export's numbers, and of what is published of it. */
export interface KnownTotals {
  readonly courses: number;
  readonly edits: number;
  readonly bytes_added: number;
}

export interface MadeExport {
  readonly text: string;
  readonly totals: KnownTotals;
}

/**
 * An export of `rows` courses, always the same ones, whose numbers depend on `edition`: from
 * one edition to another every course changes. `padding` makes each institution that many
 * characters, of a kind that hardly compresses.
 */
export function makeExport(rows: number, edition: number, padding = 10): MadeExport {
  const totals = { courses: rows, edits: 0, bytes_added: 0 };
  const lines = Array.from({ length: rows }, (_, index) => {
    const edits = index + edition * 7;
    const bytes = edits * 31 + edition;
    totals.edits += edits;
    totals.bytes_added += bytes;
    return line({
      course_slug: `School/Course_${String(index)}`,
      institution: createHash('shake256', { outputLength: padding / 2 })
        .update(String(index))
        .digest('hex'),
      total_edits: String(edits),
      bytes_added: String(bytes),
    });
  });
  return { text: exportOf(...lines), totals };
}

/** The same numbers over the rows of a download of courses. */
export function totalsOfRows(csv: string): KnownTotals {
  const rows = parse(csv, { columns: true, relax_column_count: false });
  const totals = { courses: rows.length, edits: 0, bytes_added: 0 };
  for (const row of rows as Record<'edits' | 'bytes_added', string>[]) {
    totals.edits += Number(row.edits);
    totals.bytes_added += Number(row.bytes_added);
  }
  return totals;
}
