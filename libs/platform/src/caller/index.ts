export * from './caller';
export * from './signed-caller';
