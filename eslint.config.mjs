import tseslint from 'typescript-eslint';

const noEnvironment = {
  object: 'process',
  property: 'env',
  message: 'Only config and main read the environment: configuration is validated once, at start, and passed on.',
};

/** Rules get time, ids and chance as data, so that a decision can be repeated. */
const notPure = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take the time as a parameter.' },
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: 'Take the time as a parameter.' },
  { selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']", message: 'Take chance as a parameter.' },
  { selector: "CallExpression[callee.name=/^(setTimeout|setInterval|fetch)$/]", message: 'Rules do no waiting and no I/O.' },
];

const SPECS = ['**/*.spec.ts', '**/*.examples.ts', 'e2e/**/*.ts', 'bench/**/*.ts', 'libs/platform/src/testing/**/*.ts'];
const MAY_READ_ENVIRONMENT = ['**/config.ts', '**/main.ts', 'libs/platform/src/config/**', 'tools/**', 'deploy/**', 'bench/**', ...SPECS];

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', 'prisma/*/client/', 'deploy/kafka/libs/', 'deploy/kafka/target/', '.nx/', '.works/', '.kafka/', 'docs/', '**/*.d.mts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // A failure that nobody awaits is a failure that nobody sees.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      // A method that keeps a contract which answers with a promise is async even when this one awaits nothing.
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: ['**/*.ts'], ignores: MAY_READ_ENVIRONMENT, rules: { 'no-restricted-properties': ['error', noEnvironment] } },
  { files: ['apps/*/src/domain/**/*.ts'], ignores: SPECS, rules: { 'no-restricted-syntax': ['error', ...notPure] } },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    ...tseslint.configs.disableTypeChecked,
  },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  { files: ['tools/**', 'deploy/**', 'bench/**', 'e2e/**', 'apps/cli/**'], rules: { 'no-console': 'off' } },
);
