export * from './events';
export * from './project';
export * from './requests';
