export * from './types';
export * from './record';
export * from './event-store';
export * from './if-match';
export * from './upcasting';
export { EventTooLarge } from './append-statement';
