// kafkajs 2.2.4 has no exports map, so its parts can be reached; the version is pinned.
// eslint-disable-next-line @typescript-eslint/no-require-imports -- it ships no types for its parts
const RequestQueue = require('kafkajs/src/network/requestQueue') as { prototype: { pending: unknown[]; scheduleCheckPendingRequests(): void } };

const { scheduleCheckPendingRequests } = RequestQueue.prototype;
let repaired = false;

/**
 * Without this, every connection spins on a timer of 1 ms once it has made a request (kafkajs issues 1556 and 1751: the delay until a
 * throttle of "never" ends is negative). Idle services would take a tenth of a core each. With nothing pending there is nothing to check.
 */
export function repairRequestQueue(): void {
  if (repaired) return;
  repaired = true;
  RequestQueue.prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
}
