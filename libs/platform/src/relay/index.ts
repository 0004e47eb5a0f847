export * from './published-through';
export * from './relay';
