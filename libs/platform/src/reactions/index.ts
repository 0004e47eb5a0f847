export * from './batch-transport';
export * from './inbox';
