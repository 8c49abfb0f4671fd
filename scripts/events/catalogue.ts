import type { EventContract } from '../../src/platform/event-store/event-contract.js';
import { fixtureText } from './fixture.js';
import { currentFixture } from './golden.js';

/** The text of docs/events.md. */
export function catalogueOf(contracts: readonly EventContract[], goldenDir: string): string {
  const sorted = [...contracts].sort((a, b) => (a.type < b.type ? -1 : 1));
  return [
    '---',
    'kind: reference',
    '---',
    '',
    '# Events',
    '',
    'Every event type that the log may hold. Written by `npm run generate:events` from the contracts',
    '(`src/**/*.events.ts`) and the golden fixtures (`test/golden`); do not edit it by hand.',
    '',
    'Beside its data every event carries metadata, each value as a string: `schemaVersion`, `workspaceId`,',
    '`correlationId`, `causationId`, `actorKind`, `actorId`, `actorName`, `occurredAt` (claimed), `recordedAt` (ours), and',
    'where there is one `traceparent`, `commandId` and `bodyDigest`.',
    '',
    '| event | version | stream | producer | public frame | kept |',
    '| --- | --- | --- | --- | --- | --- |',
    ...sorted.map(row),
    '',
    ...sorted.flatMap((contract) => section(contract, goldenDir)),
  ].join('\n');
}

function row(contract: EventContract): string {
  const cells = [
    `[${contract.type}](#${contract.type.toLowerCase()})`,
    String(contract.version),
    `\`${contract.stream}\``,
    contract.producer,
    contract.frame === undefined ? '' : `\`${contract.frame}\``,
    contract.retention === 'permanent' ? 'for ever' : 'for the retention of its stream',
  ];
  return `| ${cells.join(' | ')} |`;
}

function section(contract: EventContract, goldenDir: string): string[] {
  const schema = contract.schema as { properties?: Record<string, object>; required?: readonly string[] };
  const fields = Object.entries(schema.properties ?? {});
  const personal = contract.personal.length === 0 ? 'none declared' : contract.personal.map(code).join(', ');
  const { data } = currentFixture(contract, goldenDir).cases[0] ?? { data: {} };
  return [
    `## ${contract.type}`,
    '',
    contract.description,
    '',
    `Personal fields: ${personal}.`,
    '',
    '| field | required | shape |',
    '| --- | --- | --- |',
    ...fields.map(([name, shape]) => {
      const required = schema.required?.includes(name) === true ? 'yes' : '';
      return `| ${code(name)} | ${required} | ${code(shapeText(shape))} |`;
    }),
    '',
    'The least of it, from the golden fixture:',
    '',
    '```json',
    fixtureText({ type: contract.type, version: contract.version, cases: [] })
      .replace('"cases": []', `"data": ${JSON.stringify(data, undefined, 2).replaceAll('\n', '\n  ')}`)
      .trimEnd(),
    '```',
    '',
  ];
}

function shapeText(shape: object): string {
  return JSON.stringify(shape).replaceAll('|', '\\|');
}

function code(text: string): string {
  return `\`${text}\``;
}
