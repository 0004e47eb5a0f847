export * from './lookout';
