/** The architecture as rules. docs/architecture.md draws the same picture. */
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'decider-is-pure',
      comment: 'A decider imports its events and pure value modules: no framework, client, clock or configuration.',
      severity: 'error',
      from: { path: '\\.decider\\.ts$' },
      to: {
        pathNot:
          '(\\.(events|names|state|decider)\\.ts|-status\\.ts|platform/decider/[^/]+\\.ts|projections/cost/decimal\\.ts)$',
      },
    },
    {
      name: 'one-importer-of-the-client',
      comment: 'Only the gateway knows the store client; contract tests may reach the wire.',
      severity: 'error',
      from: { path: '^(src|projections|embedded|cli)/', pathNot: '(^src/platform/event-store/|\\.spec\\.ts$)' },
      to: { path: 'node_modules/@eventstore/db-client' },
    },
    {
      name: 'projections-know-events-not-commands',
      comment: 'Public frames are pure functions of events; the feed of activities is told in their words.',
      severity: 'error',
      from: { path: '^projections/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/(?!platform/|[^/]+/[^/]+\\.events\\.ts$|all\\.events\\.ts$|live/frames/)' },
    },
    {
      name: 'src-knows-only-queries-of-a-projection',
      comment: 'And the pure rules of money, which a report and a price document must see alike.',
      severity: 'error',
      from: { path: '^src/', pathNot: '(^src/(projector|supervisor|app)[/.-]|\\.spec\\.ts$)' },
      to: {
        path: '^projections/',
        pathNot:
          '(\\.queries\\.ts|^projections/(engine/index|all\\.migrations|cost/(decimal|price-layers|pricing))\\.ts)$',
      },
    },
    {
      name: 'embedded-does-not-know-src',
      severity: 'error',
      from: { path: '^embedded/' },
      to: { path: '^(src|projections)/' },
    },
    {
      name: 'src-does-not-know-embedded',
      comment: 'The supervisor starts embedded programs as processes; nothing imports them but tests.',
      severity: 'error',
      from: { path: '^(src|projections)/', pathNot: '(^src/supervisor/|\\.spec\\.ts$)' },
      to: { path: '^embedded/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
