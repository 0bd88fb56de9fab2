/** What requests cost of a client's quota, where that is more than one. */
import { Type, type Static } from '@sinclair/typebox';
import { count, nullableString } from './scalars.ts';

/** A file. */
const downloadCost = 6;
/** A question that reads many rows. */
const questionCost = 3;

/** The window that quotas are for. */
export const windowSeconds = 60;

/** What RateLimit-Policy says of a quota. */
export function policyField(name: string, limit: number): string {
  return `"${name}";q=${String(limit)};w=${String(windowSeconds)}`;
}

/** What RateLimit says is left of it, for how many seconds. */
export function stateField(name: string, left: number, seconds: number): string {
  return `"${name}";r=${String(left)};t=${String(seconds)}`;
}

/** A route's cost; with `parameter`, only of requests that give it, and one of the others. */
export interface RouteCost {
  readonly cost: number;
  readonly parameter?: string;
}

const questionCosts: Readonly<Record<string, RouteCost>> = {
  '/v1/totals': { cost: questionCost, parameter: 'group_by' },
  '/v1/trends': { cost: questionCost },
  '/v1/activity': { cost: questionCost },
  // It may have files made.
  '/v1/datapackage.json': { cost: questionCost },
};

/** The cost of a path, as routes have it; undefined for one. */
export function usualCost(path: string): RouteCost | undefined {
  return path.endsWith('.csv') ? { cost: downloadCost } : questionCosts[path];
}

export const QuotaCost = Type.Object(
  {
    path: Type.String({ description: 'As the contract has it.' }),
    cost: count({ description: 'What one answer takes of the quota.' }),
    parameter: nullableString({
      description: 'Costs that only with this parameter, and one without; null: always.',
    }),
  },
  {
    $id: 'QuotaCost',
    description: 'A path whose answers cost more than one of the quota.',
  },
);
export type QuotaCost = Static<typeof QuotaCost>;

/** For an operation's description. */
export function costSentence({ cost, parameter }: RouteCost): string {
  const condition = parameter === undefined ? '' : ` with ${parameter}`;
  return `Costs ${String(cost)} of the quota${condition}.`;
}
