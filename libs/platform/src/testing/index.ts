export * from './builders';
export * from './database';
export * from './eventually';
