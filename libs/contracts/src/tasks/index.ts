export * from './task';
export * from './events';
export * from './requests';
