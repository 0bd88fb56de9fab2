import type { TSchema } from '@sinclair/typebox';
import { Activity, ActivityItem } from './activity.ts';
import { Campaign, CampaignPage } from './campaign.ts';
import { Citation, CslItem } from './citation.ts';
import { Course, CourseHistory, CoursePage, CourseVersion } from './course.ts';
import { DataPackage, DataResource } from './data-package.ts';
import { Metric, MetricDictionary } from './dictionary.ts';
import { Filters } from './filters.ts';
import { Health } from './health.ts';
import { MetricCoverage, MetricDeltas, MetricTotals } from './metric-values.ts';
import { QuotaCost } from './quota.ts';
import { Run, RunPage } from './run.ts';
import { Snapshot, SnapshotHistory, SnapshotHistoryItem } from './snapshot.ts';
import { Status } from './status.ts';
import { SliceGroup, Totals } from './totals.ts';
import { TrendItem, Trends } from './trends.ts';
import { Wiki, WikiPage } from './wiki.ts';

/** Every named component of the contract but those of problems, which the errors bring. */
export const components: readonly TSchema[] = [
  MetricTotals,
  MetricCoverage,
  MetricDeltas,
  Snapshot,
  SnapshotHistoryItem,
  SnapshotHistory,
  Filters,
  SliceGroup,
  Totals,
  TrendItem,
  Trends,
  ActivityItem,
  Activity,
  Course,
  CoursePage,
  CourseVersion,
  CourseHistory,
  Campaign,
  CampaignPage,
  Wiki,
  WikiPage,
  Metric,
  MetricDictionary,
  DataResource,
  DataPackage,
  CslItem,
  Citation,
  QuotaCost,
  Status,
  Run,
  RunPage,
  Health,
];
