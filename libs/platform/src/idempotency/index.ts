export * from './ownership';
export * from './twin-gate';
