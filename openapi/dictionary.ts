import { Type, type Static } from '@sinclair/typebox';
import { isAdditive, metrics, type Metric as RegistryMetric } from '../metrics/registry.ts';
import { nullableString, reference, word } from './scalars.ts';

export const Metric = Type.Object(
  {
    name: Type.String({ description: 'The name of the field and of the CSV column.' }),
    title: Type.String({ description: 'For headings, in English.' }),
    unit: Type.String({ description: 'What is counted: edits, bytes, people …' }),
    kind: word(['sum', 'count', 'distinct', 'derived'], {
      description:
        'sum: values of courses added up; count: a number of courses; distinct: a number of ' +
        'different people; derived: computed from another metric’s total.',
    }),
    definition: Type.String({ description: 'What exactly is counted.' }),
    caveats: Type.Array(Type.String(), { description: 'What to know before comparing it.' }),
    source: Type.String({ description: 'Where it comes from, in the Dashboard’s own terms.' }),
    nullable: Type.Boolean({ description: 'Whether it can be null: not collected.' }),
    additive: Type.Boolean({
      description: 'Whether values of groups that share no course add up to that of the whole.',
    }),
    since_version: Type.Integer({
      minimum: 1,
      description: 'The definitions version that introduced it.',
    }),
  },
  { $id: 'Metric', description: 'An entry of the data dictionary.' },
);
export type Metric = Static<typeof Metric>;

export const MetricDictionary = Type.Object(
  {
    items: Type.Array(reference(Metric), { description: 'In the order of the fields.' }),
    next_cursor: nullableString({ description: 'Always null: the dictionary is one page.' }),
  },
  { $id: 'MetricDictionary', description: 'What each number means.' },
);
export type MetricDictionary = Static<typeof MetricDictionary>;

function metricBody(metric: RegistryMetric): Metric {
  return {
    name: metric.name,
    title: metric.title,
    unit: metric.unit,
    kind: metric.kind,
    definition: metric.definition,
    caveats: [...metric.caveats],
    source: metric.source,
    nullable: metric.nullable,
    additive: isAdditive(metric),
    since_version: metric.sinceVersion,
  };
}

export function dictionaryBody(): MetricDictionary {
  return { items: metrics.map(metricBody), next_cursor: null };
}
