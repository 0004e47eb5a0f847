export * from './published-through';
export { Relay, type RelayOptions } from './relay';
export * from './told-facts';
