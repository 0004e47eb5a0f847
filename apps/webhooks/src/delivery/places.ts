/** How many attempts may be under way in this process: first attempts, retries, and what jobs replay, each in a pool of their own. */
export const PLACES = { first: 128, retry: 64, replay: 32 } as const;
export type Lane = keyof typeof PLACES;

interface Busy {
  inFlight: number;
  replays: number;
  max: number;
}

/** Replays can have half of an endpoint's places, so that what happens now finds one. */
const freeAt = ({ inFlight, replays, max }: Busy, lane: Lane): number =>
  lane === 'replay' ? Math.min(max - inFlight, Math.max(1, Math.floor(max / 2)) - replays) : max - inFlight;

/** Who is being sent to at the moment: a place in the lane, and one of the endpoint's own, for each attempt under way. */
export class Places {
  private readonly taken: Record<Lane, number> = { first: 0, retry: 0, replay: 0 };
  private readonly byEndpoint = new Map<string, Busy>();

  free(lane: Lane): number {
    return Math.max(0, PLACES[lane] - this.taken[lane]);
  }

  /** Places left for this lane at each endpoint that is busy; the others have all of theirs. */
  freeByEndpoint(lane: Lane): Record<string, number> {
    return Object.fromEntries([...this.byEndpoint].map(([id, busy]) => [id, Math.max(0, freeAt(busy, lane))]));
  }

  /** Also true of an endpoint that nothing is being sent to, whatever its number of places: there is always one. */
  hasFree(endpointId: string, lane: Lane): boolean {
    const endpoint = this.byEndpoint.get(endpointId);
    return endpoint === undefined || freeAt(endpoint, lane) > 0;
  }

  get inFlight(): number {
    return this.taken.first + this.taken.retry + this.taken.replay;
  }

  take(lane: Lane, endpointId: string, max: number): void {
    this.taken[lane]++;
    const endpoint = this.byEndpoint.get(endpointId) ?? { inFlight: 0, replays: 0, max };
    endpoint.inFlight++;
    if (lane === 'replay') endpoint.replays++;
    endpoint.max = max;
    this.byEndpoint.set(endpointId, endpoint);
  }

  /** True when the endpoint had no place left for the lane: whatever waits for it was passed over, and can be taken now. */
  giveBack(lane: Lane, endpointId: string): boolean {
    const wasFull = !this.hasFree(endpointId, lane);
    this.taken[lane]--;
    const endpoint = this.byEndpoint.get(endpointId);
    if (endpoint !== undefined && lane === 'replay') endpoint.replays--;
    if (endpoint !== undefined && --endpoint.inFlight === 0) this.byEndpoint.delete(endpointId);
    return wasFull;
  }
}
