export * from './types';
export * from './record';
export * from './event-store';
export { EventTooLarge } from './append-statement';
