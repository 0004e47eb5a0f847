export { FATES_MAX } from './fact-fate.controller';
export type { FactFate } from './fact-fates';
export * from './give-back-memory';
export { Lag } from './lag';
export * from './peers';
export * from './start-service';
export * from './tokens';
