import { metricsAt, type DerivedMetric } from './registry.ts';

/** By metric name; null is not collected. */
export type MetricValues = Record<string, number | null>;

/** `trunc(value × numerator / denominator)`, exact where floating point is not. */
export function derive(metric: DerivedMetric, input: number | null): number | null {
  if (input === null) return null;
  return Number((BigInt(input) * BigInt(metric.numerator)) / BigInt(metric.denominator));
}

/**
 * Puts stored values into the order of the registry, with the derived ones computed and
 * whatever was not stored as null: every metric of the definitions version, and no other.
 */
export function completeTotals(
  version: number,
  stored: Readonly<Record<string, number | null>>,
): MetricValues {
  const totals: MetricValues = {};
  for (const metric of metricsAt(version)) {
    totals[metric.name] =
      metric.kind === 'derived'
        ? derive(metric, stored[metric.input] ?? null)
        : (stored[metric.name] ?? null);
  }
  return totals;
}

/**
 * How many courses had a value, per metric; of a derived metric, its input's. What was not
 * stored is 0: no course had a value. Null, for nobody knows, stays null.
 */
export function completeCoverage<Courses extends number | null>(
  version: number,
  stored: Readonly<Record<string, Courses>>,
): Record<string, Courses | number> {
  const coverage: Record<string, Courses | number> = {};
  for (const metric of metricsAt(version)) {
    const courses = stored[metric.kind === 'derived' ? metric.input : metric.name];
    coverage[metric.name] = courses === undefined ? 0 : courses;
  }
  return coverage;
}
