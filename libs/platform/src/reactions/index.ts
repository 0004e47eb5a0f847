export * from './batch-transport';
export * from './connect-reactions';
export * from './inbox';
