// What a browser downloads to make a page live, compressed with Brotli as a proxy would:
// node size.mjs SITE_FOLDER LIMIT_BYTES CHART_PAGE_LIMIT_BYTES CHARTS_LIMIT_BYTES
// The program comes in parts: what all pages share, and what each page needs besides. A limit is for both together; pages
// with charts have one of their own, and one for the library that draws them.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
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
