export * from './embedded-server';
export * from './errors';
export * from './migrate';
export * from './pool';
export * from './provision';
