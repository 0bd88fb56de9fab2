import { Type } from '@sinclair/typebox';
import { metrics, type Metric } from '../metrics/registry.ts';
import { count, nullableInteger } from './scalars.ts';

/** A metric as a field: `minimum` 0 unless a value can be below. */
function totalOf(metric: Metric) {
  const description = `${metric.title}, in ${metric.unit}. ${metric.definition}`;
  const signed = metric.kind === 'sum' && metric.signed;
  if (!metric.nullable) return count({ description });
  return nullableInteger(signed ? { description } : { description, minimum: 0 });
}

function perMetric<T>(field: (metric: Metric) => T): Record<string, T> {
  return Object.fromEntries(metrics.map((metric) => [metric.name, field(metric)]));
}

export const MetricTotals = Type.Object(perMetric(totalOf), {
  $id: 'MetricTotals',
  description:
    'A value for every metric of the definitions version, in the units of /v1/metrics; null is ' +
    'not collected, which is not zero. A sum beyond 2^53 − 1 is null too, whatever its coverage.',
});

export const MetricCoverage = Type.Object(
  perMetric((metric) =>
    nullableInteger({ description: `Courses with a value for ${metric.name}.`, minimum: 0 }),
  ),
  {
    $id: 'MetricCoverage',
    description:
      'How many courses had a value, metric by metric: of a derived metric, for its input; of ' +
      'people, the courses whose people are known. Null where nobody knows, as of totals that ' +
      'the Dashboard kept itself.',
  },
);

export const MetricDeltas = Type.Object(
  perMetric((metric) =>
    nullableInteger({ description: `Change of ${metric.name}; null where either is not known.` }),
  ),
  {
    $id: 'MetricDeltas',
    description: 'Signed changes of the totals against the item before in time.',
  },
);
