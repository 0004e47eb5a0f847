/** How many attempts may be under way in this process: first attempts, retries, and what jobs replay, each in a pool of their own. */
export const PLACES = { first: 128, retry: 64, replay: 32 } as const;
export type Lane = keyof typeof PLACES;

/** Who is being sent to at the moment: a place in the lane, and one of the endpoint's own, for each attempt under way. */
export class Places {
  private readonly taken: Record<Lane, number> = { first: 0, retry: 0, replay: 0 };
  private readonly byEndpoint = new Map<string, { inFlight: number; max: number }>();

  get free(): Record<Lane, number> {
    const free = (lane: Lane) => Math.max(0, PLACES[lane] - this.taken[lane]);
    return { first: free('first'), retry: free('retry'), replay: free('replay') };
  }

  /** Also true of an endpoint that nothing is being sent to, whatever its number of places: there is always one. */
  hasFree(endpointId: string): boolean {
    const endpoint = this.byEndpoint.get(endpointId);
    return endpoint === undefined || endpoint.inFlight < endpoint.max;
  }

  /** Half of the places for first attempts are free, here and at the endpoint, so that nobody waits for one that ends. */
  hasPlenty(endpointId: string): boolean {
    const endpoint = this.byEndpoint.get(endpointId);
    return (endpoint === undefined || 2 * endpoint.inFlight <= endpoint.max) && 2 * this.taken.first <= PLACES.first;
  }

  get inFlight(): number {
    return this.taken.first + this.taken.retry + this.taken.replay;
  }

  take(lane: Lane, endpointId: string, max: number): void {
    this.taken[lane]++;
    const endpoint = this.byEndpoint.get(endpointId) ?? { inFlight: 0, max };
    endpoint.inFlight++;
    endpoint.max = max;
    this.byEndpoint.set(endpointId, endpoint);
  }

  /** True when the endpoint had no place left: whatever waits for it was passed over, and can be taken now. */
  giveBack(lane: Lane, endpointId: string): boolean {
    const wasFull = !this.hasFree(endpointId);
    this.taken[lane]--;
    const endpoint = this.byEndpoint.get(endpointId);
    if (endpoint !== undefined && --endpoint.inFlight === 0) this.byEndpoint.delete(endpointId);
    return wasFull;
  }
}
