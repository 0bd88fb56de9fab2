import type { FastifyBaseLogger } from 'fastify';

type Bindings = Parameters<FastifyBaseLogger['child']>[0];
type Options = Parameters<FastifyBaseLogger['child']>[1];
/** Of all the ways to call a logger the last one, which the others are passed on as. */
type Entry = Parameters<FastifyBaseLogger['info']>;

/**
 * The logger of one request, a child of the service's that is made when it first has
 * something to say. Most requests are never written down, and a child for each took a
 * twentieth of the service's throughput.
 */
class RequestLog implements FastifyBaseLogger {
  readonly #parent: FastifyBaseLogger;
  readonly #bindings: Bindings;
  readonly #options: Options;
  #made: FastifyBaseLogger | undefined;

  constructor(parent: FastifyBaseLogger, bindings: Bindings, options: Options) {
    this.#parent = parent;
    this.#bindings = bindings;
    this.#options = options;
  }

  #own(): FastifyBaseLogger {
    return (this.#made ??= this.#parent.child(this.#bindings, this.#options));
  }

  get level(): string {
    return this.#own().level;
  }

  set level(level: string) {
    this.#own().level = level;
  }

  fatal(...entry: Entry): void {
    this.#own().fatal(...entry);
  }

  error(...entry: Entry): void {
    this.#own().error(...entry);
  }

  warn(...entry: Entry): void {
    this.#own().warn(...entry);
  }

  info(...entry: Entry): void {
    this.#own().info(...entry);
  }

  debug(...entry: Entry): void {
    this.#own().debug(...entry);
  }

  trace(...entry: Entry): void {
    this.#own().trace(...entry);
  }

  silent(...entry: Entry): void {
    this.#own().silent(...entry);
  }

  child(bindings: Bindings, options?: Options): FastifyBaseLogger {
    return this.#own().child(bindings, options);
  }
}

/** For the option `childLoggerFactory` of `Fastify()`. */
export function requestLog(
  parent: FastifyBaseLogger,
  bindings: Bindings,
  options: Options,
): FastifyBaseLogger {
  return new RequestLog(parent, bindings, options);
}
