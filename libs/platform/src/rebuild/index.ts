export * from './rebuild';
export { rebuildService, type RebuildLine } from './rebuild-service';
