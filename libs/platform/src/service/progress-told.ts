import type { Progress } from './published';

/** How far a service has come, as it tells the others: numbers beyond 2^53 are text in JSON. */
export interface ProgressTold {
  readonly epoch: string;
  readonly settled: string;
  readonly published: string;
}

export const told = ({ epoch, settled, published }: Progress): ProgressTold => ({
  epoch,
  settled: settled.toString(),
  published: published.toString(),
});

export const heard = ({ epoch, settled, published }: ProgressTold): Progress => ({
  epoch,
  settled: BigInt(settled),
  published: BigInt(published),
});

const NUMBER_MAX = 2n ** 63n - 1n;

/** A position out of a query; null for what is none. */
export function numberOf(text: string | undefined): bigint | null {
  if (!/^\d{1,19}$/.test(text ?? '')) return null;
  const number = BigInt(text!);
  return number > NUMBER_MAX ? null : number;
}
