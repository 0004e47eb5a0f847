export * from './requests';
export * from './template';
