/** A real Apache Kafka broker on this machine. */
export interface Broker {
  /** `host:port`, for KAFKA_BROKERS. */
  readonly brokers: string;
  readonly pid: number;
  /** Orderly; resolves when the process is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again, on the same data and port, and resolves when it is ready. */
  restart(): Promise<void>;
}

export interface BrokerOptions {
  /** Holds the data, the log and what is needed to find the broker again. */
  directory: string;
  /** 0 or absent: a free one, and the same one at the next start. */
  port?: number;
  /** Progress, for people. */
  log?(line: string): void;
}

/** Finds the broker of an earlier start that still runs on this directory, or starts one. */
export function startBroker(options: BrokerOptions): Promise<Broker>;

/** Null when Kafka can be run here; otherwise the one sentence that says what to install. */
export function missingTools(): Promise<string | null>;

/** The tools are missing. The message is that sentence. */
export class KafkaNeedsTools extends Error {}
