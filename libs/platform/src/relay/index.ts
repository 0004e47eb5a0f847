export * from './published-facts';
export * from './published-through';
export { Relay, type RelayOptions } from './relay';
export { RelayRepair, type RelayRepairOptions } from './relay-repair';
export * from './settled-positions';
export * from './epochs';
