export * from './events';
export * from './milestone';
export * from './requests';
