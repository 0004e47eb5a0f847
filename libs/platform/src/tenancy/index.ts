export * from './tenant-database';
