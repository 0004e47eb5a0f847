export * from './types';
export * from './record';
export * from './event-store';
export * from './upcasting';
export { EventTooLarge } from './append-statement';
