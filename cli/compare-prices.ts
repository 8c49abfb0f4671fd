import { comparePrices } from './prices/compare-prices.js';

process.exitCode = await comparePrices({
  args: process.argv.slice(2),
  environment: process.env,
  print: (text) => console.log(text),
  complain: (text) => console.error(text),
});
