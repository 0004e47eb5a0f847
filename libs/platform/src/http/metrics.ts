import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Seconds; from a cached read to a stuck write. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What Prometheus reads of one process. */
export class Metrics {
  readonly registry = new Registry();
  private readonly requests: Histogram<'method' | 'route' | 'status'>;

  constructor(service: string) {
    this.registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: this.registry });
    this.requests = new Histogram({
      name: 'works_http_request_duration_seconds',
      help: 'Time from the request to the last byte of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers: [this.registry],
    });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  observeRequest(method: string, route: string, status: number, ms: number): void {
    this.requests.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, ms / 1_000);
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}
