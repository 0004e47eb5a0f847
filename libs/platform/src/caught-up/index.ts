export * from './catching-up.guard';
export * from './caught-up';
export * from './positions';
