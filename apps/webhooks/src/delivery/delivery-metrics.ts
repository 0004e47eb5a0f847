import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Leased, Outcome } from './attempt';

export class DeliveryMetrics {
  private readonly attempts: Counter<'outcome'>;
  private readonly duration: Histogram;
  readonly inFlight: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.attempts = new Counter({
      name: 'works_delivery_attempts_total',
      help: 'Attempts by what came of them.',
      labelNames: ['outcome'],
      registers,
    });
    this.duration = new Histogram({
      name: 'works_delivery_attempt_duration_seconds',
      help: 'From look-up to last byte.',
      buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15],
      registers,
    });
    this.inFlight = new Gauge({ name: 'works_deliveries_in_flight', help: 'Attempts under way in this process.', registers });
  }

  note(_leased: Leased, outcome: Outcome): void {
    this.attempts.inc({ outcome: outcome.error?.stage ?? 'delivered' });
    this.duration.observe(outcome.durationMs / 1_000);
  }
}
