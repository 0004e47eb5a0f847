// Boundaries between folders. Each rule says why in its comment; `npm run boundaries` prints it with the violation.
const SPEC = '\\.(spec|examples)\\.ts$';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle is two files pretending to be one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'everything-is-found',
      comment: 'An import that leads nowhere. (What the build makes need not be there.)',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '/dist/' },
    },
    {
      name: 'services-share-only-contracts',
      comment: 'Services meet on the event log or over HTTP, never through an import. Put the shared shape in libs/contracts.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'domain-is-pure',
      comment:
        'Rules run without Nest, Prisma, Kafka, a clock or a network: the domain sees itself and the words of its trade. (ESLint sees to it that it takes only types from contracts.)',
      severity: 'error',
      from: { path: '^apps/([^/]+)/src/domain/', pathNot: SPEC },
      to: { pathNot: ['^apps/$1/src/domain/', '^libs/platform/src/(decider|errors|ids|calendar)/', '^libs/contracts/src/'] },
    },
    {
      name: 'reads-do-not-write',
      comment: 'A read model knows what happened, not how to make it happen.',
      severity: 'error',
      from: { path: '^apps/[^/]+/src/read-models/', pathNot: SPEC },
      to: { path: '^apps/[^/]+/src/(commands|reactions)/' },
    },
    {
      name: 'siblings-do-not-call-siblings',
      comment: 'One command, one file, no detours: what two of them share is a rule, and belongs in domain/.',
      severity: 'error',
      from: { path: '^apps/(projects|tasks|webhooks)/src/(commands|reactions)/', pathNot: SPEC },
      to: { path: '^apps/$1/src/(commands|reactions)/', pathNot: SPEC },
    },
    {
      name: 'platform-knows-no-product',
      comment: 'libs/platform would be just as useful in a shop or a bank.',
      severity: 'error',
      from: { path: '^libs/platform/' },
      to: { path: '^(apps/|libs/contracts/|e2e/|bench/)' },
    },
    {
      name: 'contracts-stand-alone',
      comment: 'A contract is what an outsider sees: shapes, and the validators that define them.',
      severity: 'error',
      from: { path: '^libs/contracts/', pathNot: SPEC },
      to: {
        pathNot: [
          '^libs/contracts/',
          '^libs/platform/src/(ids|problems)/index\\.ts$',
          '(^|/)node_modules/(class-transformer|class-validator|class-validator-jsonschema)/',
        ],
      },
    },
    {
      name: 'test-kit-stays-in-tests',
      comment: 'What makes databases and kills brokers has no place in a service.',
      severity: 'error',
      from: { pathNot: [SPEC, '^libs/platform/src/testing/', '^libs/platform/src/[^/]+/conformance[^/]*\\.ts$', '^(e2e|bench)/'] },
      to: { path: '^libs/platform/src/testing/' },
    },
    {
      name: 'enter-libraries-by-the-door',
      comment: 'Import @works/platform/<folder> or @works/contracts/<folder>, never a file behind it.',
      severity: 'error',
      from: { path: '^(apps|e2e|bench|libs/contracts)/' },
      to: { path: '^libs/platform/src/[^/]+/(?!index\\.ts$)' },
    },
    {
      name: 'enter-contracts-by-the-door',
      comment: 'Import @works/contracts/<folder>, never a file behind it.',
      severity: 'error',
      from: { path: '^(apps|e2e|bench)/' },
      to: { path: '^libs/contracts/src/[^/]+/(?!index\\.ts$)' },
    },
    {
      name: 'nobody-imports-a-spec',
      comment: 'Importing a spec runs its tests. What two of them share is a file named *.examples.ts.',
      severity: 'error',
      from: {},
      to: { path: '\\.spec\\.ts$' },
    },
    {
      name: 'examples-stay-in-tests',
      comment: 'Examples are for tests; they are not built.',
      severity: 'error',
      from: { pathNot: [SPEC, '^(e2e|bench)/'] },
      to: { path: '\\.examples\\.ts$' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['/dist/', '^prisma/[^/]+/client/', '^deploy/kafka/libs/'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'require', 'node', 'default'] },
    // Reports are short: what is crossed and why.
    progress: { type: 'none' },
  },
};
