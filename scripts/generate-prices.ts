/**
 * Writes the published prices and the page about them, from the installed genai-prices. Resellers are left out unless
 * named: `npm run prices:generate -- --resellers=openrouter,azure`. Read the difference before it is committed.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { firstParties, genaiPricesSource, providerOf } from './prices/genai-prices.js';
import { DOCUMENT_FILE, documentText, REPORT_FILE, reportText } from './prices/published-files.js';
import { publishedModels } from './prices/published-models.js';

const { values } = parseArgs({ options: { resellers: { type: 'string', default: '' } } });
const resellers = values.resellers.split(',').filter((id) => id !== '');
const published = publishedModels(firstParties(), resellers.map(providerOf));
const source = genaiPricesSource();
writeFileSync(DOCUMENT_FILE, await documentText(source, published));
writeFileSync(REPORT_FILE, await reportText(source, published));
console.log(`${published.models.length} models written, ${published.leftOut.length} left out: see ${REPORT_FILE}`);
