export * from './builders';
export * from './database';
export * from './decider';
export * from './eventually';
export * from './explore';
export * from './golden';
export * from './facts';
