import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

/** Everything that money passes through. */
const MONEY = ['projections/cost', 'projections/budgets', 'src/prices', 'src/budgets', 'src/costs'];

/** Files that may make numbers of what is no money, and of what. A name that speaks of money is refused in them too. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'projections/cost/cost.queries.ts': 'ids, instants, counts of rows',
  'projections/cost/slice.queries.ts': 'counts of groups',
  'projections/cost/usage-row.ts': 'ids, instants, counts of one report: at most 2^53-1',
  'projections/cost/zone-days.ts': 'instants',
  'src/costs/usage-figures.ts': 'counts of tokens and requests; money goes through costNumber',
  'src/costs/usage-report-json.ts': 'counts of tokens and requests; money goes through costNumber',
  'src/costs/usage.controller.ts': 'counts of tokens and requests; money goes through costNumber',
};
const MONEY_WORDS = /cost(?!s?_)|usd|(?<!un)price|rate(?!_id)|mtok|spent|limit|delta/i;

const FORBIDDEN_CALLS = ['Number', 'parseFloat', 'Number.parseFloat', 'Math.round', 'Math.fround'];
const FORBIDDEN_METHODS = ['toFixed', 'toPrecision', 'toExponential'];
const FORBIDDEN_SQL = [
  /\bfloat[48]?\b/i,
  /\breal\b/i,
  /\bdouble\s+precision\b/i,
  /\bround\s*\(/i,
  /\bto_char\s*\(/i,
  /\/\s*1_?000_?000\b/,
  /\/\s*1e6\b/i,
];

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts') && !name.startsWith('testing'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** What in a text makes a double of something, with its line. */
function numbersIn(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (isNumberMaker(node))
      found.push(`${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${node.getText()}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function callIn(found: string): string {
  return found.replace(/^[^ ]+: /, '');
}

function isNumberMaker(node: ts.Node): boolean {
  if (ts.isPrefixUnaryExpression(node)) return node.operator === ts.SyntaxKind.PlusToken;
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return false;
  if (FORBIDDEN_CALLS.includes(node.expression.getText())) return true;
  // A function that is handed on: texts.map(Number).
  if (node.arguments?.some((argument) => FORBIDDEN_CALLS.includes(argument.getText())) === true) return true;
  return ts.isPropertyAccessExpression(node.expression) && FORBIDDEN_METHODS.includes(node.expression.name.text);
}

/** The texts of a file, SQL among them, without the code and the comments around them. */
function textsIn(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      found.push(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const files = MONEY.flatMap(filesIn);

describe('the money path', () => {
  it('holds the pricing and the books', () => {
    expect(files).toEqual(expect.arrayContaining(['projections/cost/pricing.ts', 'src/prices/price-document.ts']));
  });

  it.each(files)('has no number made of a text or a bigint in %s', (file) => {
    const found = numbersIn(file, readFileSync(file, 'utf8'));
    expect(file in EXCEPTIONS ? found.filter((text) => MONEY_WORDS.test(callIn(text))) : found).toEqual([]);
  });

  it.each(files)('has no inexact arithmetic in the SQL of %s', (file) => {
    const texts = textsIn(file, readFileSync(file, 'utf8'));
    expect(texts.filter((text) => FORBIDDEN_SQL.some((pattern) => pattern.test(text)))).toEqual([]);
  });

  it('names only exceptions that there are', () => {
    expect(Object.keys(EXCEPTIONS).filter((file) => !files.includes(file))).toEqual([]);
  });

  it.each([
    'Number(rate)',
    'parseFloat(x)',
    '+x',
    'x.toFixed(2)',
    'Number.parseFloat(x)',
    'rates.map(Number)',
    'Math.round(x)',
  ])('would be told of %s', (text) => {
    expect(numbersIn('x.ts', `const y = ${text};`)).toHaveLength(1);
  });

  it.each(['x::float8', 'a real', 'double precision', 'round(x)', "to_char(x, '9')", 'x / 1000000', 'x / 1_000_000'])(
    'would be told of SQL with %s',
    (sql) => {
      const texts = textsIn('x.ts', `const y = \`select ${sql} \${z} from t\`;`);
      expect(texts.some((text) => FORBIDDEN_SQL.some((pattern) => pattern.test(text)))).toBe(true);
    },
  );
});
