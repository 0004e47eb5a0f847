import tseslint from 'typescript-eslint';

/** Made by tools, or fetched. Markdown in docs has no code that runs. */
const NOT_OURS = [
  '**/dist/',
  '**/node_modules/',
  'prisma/*/client/',
  'deploy/kafka/libs/',
  'deploy/kafka/target/',
  '.nx/',
  '.works/',
  '.kafka/',
  'coverage/',
];

const SPECS = [
  '**/*.spec.ts',
  '**/*.examples.ts',
  '**/conformance*.ts',
  'e2e/**/*.ts',
  'bench/**/*.ts',
  'libs/platform/src/testing/**/*.ts',
  'tools/jest/**/*.ts',
];

/** The environment is read once, at start, by what configures a process; everything else is told. */
const MAY_READ_ENVIRONMENT = [
  '**/config.ts',
  '**/main.ts',
  'apps/*/src/rebuild.ts', // a second main
  'apps/cli/src/**/*.ts',
  'libs/platform/src/config/**/*.ts',
  'libs/platform/src/postgres/embedded/**/*.ts', // hands it on to the programs it starts
  ...SPECS,
];

/** Rules get time, ids and chance as data, so that a decision can be repeated. */
const NOT_PURE = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take the time as a parameter.' },
  {
    selector: "CallExpression[callee.object.name=/^(Date|performance)$/][callee.property.name='now']",
    message: 'Take the time as a parameter.',
  },
  { selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']", message: 'Take chance as a parameter.' },
  { selector: 'CallExpression[callee.name=/^(newId|ulid|randomUUID|randomBytes)$/]', message: 'Take ids and chance as parameters.' },
  { selector: 'CallExpression[callee.name=/^(setTimeout|setInterval|fetch)$/]', message: 'Rules wait for nothing and ask nobody.' },
];

/** A busy machine is slower than any number. What ends a hang is one timeout, in jest.config.cjs; what waits, waits for progress (`eventually`). */
const BY_THE_CLOCK = [
  { selector: "CallExpression[callee.name=/^(before|after)(All|Each)$/][arguments.1.type='Literal']" },
  { selector: "CallExpression[callee.name=/^(it|test)$/][arguments.2.type='Literal']" },
  { selector: "CallExpression[callee.callee.object.name=/^(it|test)$/][arguments.2.type='Literal']" },
].map((rule) => ({ ...rule, message: 'A busy machine is slower than that: leave it to the timeout of jest.config.cjs.' }));

export default tseslint.config(
  { ignores: NOT_OURS },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      // A failure that nobody awaits is a failure that nobody sees.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      // One more case in a union has to show every place that must know about it.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Decorator metadata needs the value of a class that is injected: the difference between the two imports is meant.
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true, argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Numbers belong in messages.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allowNullish: true }],
      // A method that keeps a contract which answers with a promise is async even when it awaits nothing.
      '@typescript-eslint/require-await': 'off',
      // Cannot tell a function in an options object from a method, and options with functions are how parts are joined here.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: SPECS,
    rules: {
      // A test reads answers as a client does: as JSON that it has not described before. What it expects of them is what it tests.
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      'no-restricted-syntax': ['error', ...BY_THE_CLOCK],
    },
  },
  {
    files: ['**/*.ts'],
    ignores: MAY_READ_ENVIRONMENT,
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only config and main read the environment: it is validated once, at start, and passed on.',
        },
      ],
    },
  },
  {
    files: ['apps/*/src/domain/**/*.ts'],
    ignores: SPECS,
    rules: {
      'no-restricted-syntax': ['error', ...NOT_PURE],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['@works/contracts/*'],
              allowTypeImports: true,
              message: 'A type is gone at run time; a class with validators is a framework.',
            },
          ],
        },
      ],
    },
  },
  { files: ['**/*.{mjs,cjs,js,mts}'], ...tseslint.configs.disableTypeChecked },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  // These talk to a person on a terminal.
  { files: ['tools/**', 'deploy/**', 'bench/**', 'e2e/**', 'apps/cli/**'], rules: { 'no-console': 'off' } },
);
