export * from './claim.guard';
export * from './release.controller';
export * from './released-keys';
