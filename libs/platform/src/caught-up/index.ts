export * from './caught-up';
export * from './positions';
