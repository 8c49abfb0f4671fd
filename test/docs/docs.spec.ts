import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { settingNames } from '../../src/platform/config/settings.js';
import { exitCodes } from '../../src/supervisor/exit-codes.js';

const pages = readdirSync('docs', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name));

const read = (file: string) => readFileSync(file, 'utf8');

/** The first cells of the table rows of a page, without backticks; one row may name several. */
function firstCells(file: string): string[] {
  return [...read(file).matchAll(/^\| ([^|]+?) +\|/gm)].flatMap(([, cell = '']) =>
    cell.replaceAll('`', '').split(', '),
  );
}

describe('the documentation', () => {
  it.each(pages.filter((page) => !page.startsWith(join('docs', 'adr'))))('says of what kind %s is', (page) => {
    expect(read(page)).toMatch(/^---\nkind: (tutorial|how-to|reference|explanation)\n---\n\n# /);
  });

  it.each(['README.md', ...pages])('has no link in %s that leads nowhere', (page) => {
    const targets = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)].map(
      ([, target = '']) => target,
    );
    expect(targets.filter((target) => !existsSync(join(dirname(page), target)))).toEqual([]);
  });

  it('lists every setting, and nothing that is none', () => {
    const listed = firstCells('docs/reference/settings.md').filter((cell) => /^[A-Z_]+$/.test(cell));
    expect(listed.toSorted()).toEqual(settingNames.toSorted());
  });

  it('lists the exit codes of the supervisor', () => {
    const [supervisor = ''] = read('docs/reference/exit-codes.md').split('| program');
    const listed = [...supervisor.matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code));
    expect(listed).toEqual(Object.values(exitCodes));
  });

  it.each([...pages, 'README.md'])('names in %s only npm scripts and programs that exist', (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const text = read(page);
    const missing = [
      ...[...text.matchAll(/npm run ([a-z][a-z:-]*)/g)]
        .map(([, name = '']) => name)
        .filter((name) => !(name in scripts)),
      ...[...text.matchAll(/dist\/([a-z/-]+)\.js/g)]
        .map(([, path = '']) => `${path}.ts`)
        .filter((path) => !existsSync(path)),
    ];
    expect(missing).toEqual([]);
  });
});
