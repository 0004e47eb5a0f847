export * from './batch';
export * from './comment';
export * from './events';
export * from './requests';
export * from './task';
