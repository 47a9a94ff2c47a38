// What a browser downloads to make a page live, compressed with Brotli as a proxy would:
// node size.mjs SITE_FOLDER LIMIT_BYTES CHART_PAGE_LIMIT_BYTES CHARTS_LIMIT_BYTES
// The program comes in parts: what all pages share, and what each page needs besides. A limit is for both together; pages
// with charts have one of their own, and one for the library that draws them.
// Then a line for each thing that is written for size, with what its measurement in docs/benchmarks.md says: to measure one
// anew takes a build without it. What saves less than 3 % of a page's first load is a failure, for it is to go.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

const [site, limit, chartPageLimit, chartsLimit] = process.argv.slice(2);
const withCharts = ['analytics', 'reports'];
const pkg = join(site, 'pkg');

function one(folder, begin, end) {
  const found = readdirSync(folder).filter((name) => name.startsWith(begin) && name.endsWith(end));
  if (found.length !== 1) throw new Error(`${folder} holds ${found.length} ${begin}*${end} files instead of one`);
  return join(folder, found[0]);
}

function packed(file) {
  const mode = file.endsWith('.js') ? constants.BROTLI_MODE_TEXT : constants.BROTLI_MODE_GENERIC;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_MODE]: mode };
  return brotliCompressSync(readFileSync(file), { params }).length;
}

const sum = (files) => files.reduce((bytes, file) => bytes + packed(file), 0);

const shared = sum([one(pkg, 'chargedeck.', '.wasm'), one(pkg, 'chargedeck.', '.js'), one(pkg, '__wasm_split.', '.js')]);
console.log(`shared by all pages  ${shared} bytes`);
const parts = JSON.parse(readFileSync(one(pkg, '__wasm_split_manifest.', '.json'), 'utf8'));
const within = (what, bytes, limit) => {
  console.log(`${what.padEnd(20)} ${bytes} bytes, limit ${limit}`);
  if (bytes > Number(limit)) process.exitCode = 1;
};
for (const [part, files] of Object.entries(parts)) {
  const bytes = shared + sum(files.map((name) => join(pkg, `${name}.wasm`)));
  within(part, bytes, withCharts.includes(part) ? chartPageLimit : limit);
}

// Pages with charts load this too, once for all of them.
within('charts', packed(one(join(site, 'vendor'), 'charts.', '.js')), chartsLimit);

const page = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '..', 'docs', 'benchmarks.md'), 'utf8');
const section = page.split(/^## /m).find((text) => text.startsWith('What is written for size')) ?? '';
const measured = /(\d+ \w+ \d{4}),/.exec(section)?.[1];
const rows = section.split('\n').filter((line) => line.startsWith('| ')).slice(1).map((line) => line.split('|').map((cell) => cell.trim()));
if (!measured || rows.length === 0) throw new Error('docs/benchmarks.md does not say what is written for size, and when it was measured');
console.log(`written for size, with and without, a first load of Overview on ${measured}:`);
for (const [, what, , overview] of rows) {
  const [bytes, without] = (overview.match(/\d[\d,]*/g) ?? []).slice(0, 2).map((text) => Number(text.replaceAll(',', '')));
  const saved = without ? (100 * (without - bytes)) / without : undefined;
  console.log(`  ${what}: ${saved === undefined ? overview : `${bytes} bytes, ${without} without, ${saved.toFixed(1)} % saved`}`);
  if (saved < 3) process.exitCode = 1;
}
