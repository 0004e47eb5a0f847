export { headerOf } from './arrivals';
export * from './batch-transport';
export * from './connect-reactions';
export * from './inbox';
