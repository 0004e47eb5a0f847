export * from './twin-gate';
