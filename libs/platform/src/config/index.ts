export * from './derive-key';
export * from './read-config';
export * from './service-config';
