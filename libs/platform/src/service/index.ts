export * from './give-back-memory';
export * from './peers';
export * from './start-service';
export * from './tokens';
