export * from './published-facts';
export * from './facts-between';
export { Relay, type RelayOptions } from './relay';
export { RelayRepair, type RelayRepairOptions } from './relay-repair';
export * from './settled-positions';
export * from './epochs';
