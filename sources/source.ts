/**
 * What a source of courses gives to the publish job, whatever it reads from. A source
 * knows nothing of the store; it reports what is public now, whole, and what it met on
 * the way. Times are RFC 3339 UTC with `Z` and whole seconds.
 */

export const sourceKinds = ['dashboard_database', 'dashboard_csv', 'demo'] as const;
export type SourceKind = (typeof sourceKinds)[number];

export const newOrReturningValues = [
  'first_time_instructor',
  'returning_instructor',
  'unknown',
] as const;
export type NewOrReturning = (typeof newOrReturningValues)[number];

/** The whole state of one public course: what change detection compares. */
export interface SourceCourse {
  /** 1 … 2^53 − 1, stable for the life of the course. */
  readonly courseId: number;
  /** Null for a course that has none, so no address. */
  readonly slug: string | null;
  readonly title: string | null;
  readonly institution: string | null;
  readonly term: string | null;
  readonly type: string | null;
  /** A wiki's domain. */
  readonly homeWiki: string | null;
  /** Tracked wikis by domain, sorted, each once. */
  readonly wikis: readonly string[];
  /** Sorted, each once, each one yielded by `campaigns()`. */
  readonly campaignIds: readonly number[];
  readonly start: string | null;
  readonly end: string | null;
  readonly createdAt: string | null;
  readonly newOrReturning: NewOrReturning;
  /** By name of a `sum` metric of the registry; absent is null: not collected. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /**
   * An opaque note to the next reading, which gets it back in `open`: what tells whether
   * the costly parts of this course must be read again. Not part of the course's state.
   */
  readonly marker?: string;
  /**
   * The names of metrics that were not read again because they cannot have changed: the
   * store keeps those of the course's current version, and its activity.
   */
  readonly keeps?: readonly string[];
}

export interface SourceCampaign {
  readonly campaignId: number;
  readonly slug: string;
  readonly title: string;
  readonly description: string | null;
  readonly start: string | null;
  readonly end: string | null;
  readonly createdAt: string | null;
}

/** Roles as the Dashboard numbers them. Only these two are counted. */
export const editorRole = 0;
export const facilitatorRole = 1;

/**
 * One person in one course in one role. `userId` is turned into a keyed hash before
 * anything is stored.
 */
export interface SourceEnrollment {
  readonly courseId: number;
  readonly userId: number;
  readonly role: number;
  /** Registered between the course's start and end, both included. */
  readonly newEditor: boolean;
  /** Registered between 60 days before the start and the end, both included. */
  readonly newEditor60d: boolean;
}

/**
 * What happened in one course on one tracked wiki in one month (`YYYY-MM`); null is not
 * collected.
 */
export interface SourceActivity {
  readonly courseId: number;
  readonly wiki: string;
  readonly month: string;
  readonly edits: number | null;
  readonly bytesAdded: number | null;
  readonly referencesAdded: number | null;
}

/**
 * One consistent reading of a source. The methods are called in the order they stand
 * here, each at most once; batches keep memory bounded.
 */
export interface SourceReading {
  /** When the data were true: the moment the reading's snapshot of the source was taken. */
  readonly readAt: Date;
  /** Whether people can be told apart, so that distinct people can be counted. */
  readonly countsPeople: boolean;
  campaigns(): AsyncIterable<readonly SourceCampaign[]>;
  /**
   * The domains of the wikis that there are at the source, in any order and number. Absent
   * where it knows of none but those that its courses name, which need not be given.
   */
  wikis?(): AsyncIterable<readonly string[]>;
  courses(): AsyncIterable<readonly SourceCourse[]>;
  /** Courses that exist at the source and are not public, so are withdrawn without question. */
  hiddenCourseIds(): AsyncIterable<readonly number[]>;
  enrollments(): AsyncIterable<readonly SourceEnrollment[]>;
  /** Whole for every course yielded without `keeps`; nothing for the others. */
  activity(): AsyncIterable<readonly SourceActivity[]>;
  /** Oddities met and how they were handled, for the run's report: message → how often. */
  warnings(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export interface Source {
  readonly kind: SourceKind;
  /** @throws {SourceError} when the source cannot be read; nothing has changed then. */
  open(options: OpenOptions): Promise<SourceReading>;
}

export interface Marker {
  /** The `marker` of the course in an earlier reading. */
  readonly marker: string;
  /** The day, UTC, on which a reading last gave the course without `keeps`: `2026-08-27`. */
  readonly readOn: string;
}

export interface OpenOptions {
  readonly signal: AbortSignal;
  /** When the reading happens; rolling re-checks and invented data depend on it. */
  readonly now: Date;
  /** What earlier readings noted of the courses that are public in the store, by course id. */
  readonly markers: ReadonlyMap<number, Marker>;
  /** Told of a long reading, for the log and the run's report. */
  readonly onProgress?: (progress: ReadingProgress) => void;
}

export interface ReadingProgress {
  /** What is being read; one part after another. */
  readonly part: string;
  /** So far. */
  readonly rows: number;
  /** How many it will be, as far as can be told; null where nothing tells. */
  readonly total: number | null;
}

/** A source that cannot be read, in a sentence for an operator; `problems` lists details. */
export class SourceError extends Error {
  readonly problems: readonly string[];

  constructor(message: string, problems: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceError';
    this.problems = problems;
  }
}
