import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { dashboardDatabaseSource } from '../sources/dashboard-database/dashboard-database.ts';
import { demoSource } from '../sources/demo.ts';
import type { Source } from '../sources/source.ts';

export type ConfiguredSource =
  | { readonly kind: 'dashboard_csv'; readonly path: string }
  | { readonly kind: 'dashboard_database'; readonly url: string };

/** The source that the settings name; the demonstration where they name none and it is one. */
export function configuredSource(
  configured: ConfiguredSource | undefined,
  isDemo: boolean,
): Source | undefined {
  switch (configured?.kind) {
    case 'dashboard_csv':
      return dashboardCsvSource(configured.path);
    case 'dashboard_database':
      return dashboardDatabaseSource({ url: configured.url });
    case undefined:
      return isDemo ? demoSource() : undefined;
  }
}
