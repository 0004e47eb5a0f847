export * from './test-clock.guard';
