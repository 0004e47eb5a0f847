export * from './catching-up.guard';
export * from './caught-up';
export type { Concern } from './coverage';
export * from './positions';
