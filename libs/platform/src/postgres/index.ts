export * from './array-parameters';
export * from './embedded-server';
export * from './errors';
export * from './in-one-transaction';
export * from './migrate';
export * from './pool';
export * from './provision';
export * from './while-alone';
