/** Counts and times of this process, as operators' monitoring reads them. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What is told of, in the names of Prometheus. */
export interface Telemetry {
  /** A number that is read whenever somebody asks; undefined where there is none. */
  gauge(name: string, help: string, read: () => number | undefined): void;
  /** Numbers that only grow, by the values of one label, read whenever somebody asks. */
  counts(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void;
  /** All of it, in Prometheus' text format. */
  text(): Promise<string>;
}

export interface TelemetryOptions {
  readonly version: string;
  /** How many answers were given ahead of routing, by status. */
  readonly readyAnswers: () => Readonly<Record<string, number>>;
}

declare module 'fastify' {
  interface FastifyInstance {
    telemetry: Telemetry;
  }
}

const prefix = 'dashboard_open_data_';

/** Seconds. */
const durations = [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];

/** Of the process, however many services are built in it: what watches it cannot be taken off. */
let ofProcess: Registry | undefined;

function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

function telemetry(app: FastifyInstance, options: TelemetryOptions): void {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: `${prefix}info`,
    help: 'Always 1; its label is the version of the release.',
    labelNames: ['version'],
    registers,
  }).set({ version: options.version }, 1);
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time until the whole answer was handed over, by route; not of those given ahead of routing.',
    labelNames: ['method', 'route', 'status'],
    buckets: durations,
    registers,
  });
  /** By what is told of them: to look for the labels each time would take longer. */
  const series = new Map<string, { observe(seconds: number): void }>();
  app.addHook('onResponse', (request, reply, done) => {
    const name = seriesOf(request, reply);
    let one = series.get(name);
    if (one === undefined) {
      const [method = '', status = '', route = ''] = name.split(' ');
      one = requests.labels({ method, route, status });
      series.set(name, one);
    }
    one.observe(reply.elapsedTime / 1000);
    done();
  });

  const told: Telemetry = {
    gauge(name, help, read) {
      new Gauge({
        name: prefix + name,
        help,
        registers,
        collect() {
          const value = read();
          if (value === undefined) this.remove();
          else this.set(value);
        },
      });
    },
    counts(name, help, label, read) {
      new Counter({
        name: prefix + name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
        },
      });
    },
    text: () => Registry.merge([registry, processMetrics()]).metrics(),
  };
  told.counts(
    'ready_answers_total',
    'Answers from memory, given ahead of routing.',
    'status',
    options.readyAnswers,
  );
  app.decorate('telemetry', told);
}

/** Routes as they are written, so that there are no more than they are. */
function seriesOf(request: FastifyRequest, reply: FastifyReply): string {
  const { url = 'none' } = request.routeOptions;
  return `${request.method} ${String(reply.statusCode)} ${url}`;
}

export default fp(telemetry, { name: 'telemetry' });
