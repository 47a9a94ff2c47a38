// What a browser downloads to make a page live, compressed with Brotli as a proxy would:
// node size.mjs SITE_FOLDER LIMIT_BYTES CHARTS_LIMIT_BYTES
// The program comes in parts: what all pages share, and what each page needs besides. The limit is for the largest page.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const [site, limit, chartsLimit] = process.argv.slice(2);
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
console.log(`shared by all pages  ${shared} bytes with Brotli`);
const parts = JSON.parse(readFileSync(one(pkg, '__wasm_split_manifest.', '.json'), 'utf8'));
let largest = shared;
for (const [part, files] of Object.entries(parts)) {
  const more = sum(files.map((name) => join(pkg, `${name}.wasm`)));
  largest = Math.max(largest, shared + more);
  console.log(`${part.padEnd(20)} ${more} more`);
}
console.log(`largest page ${largest} with Brotli, limit ${limit}`);
if (largest > Number(limit)) process.exitCode = 1;

// Pages with charts load this too, once for all of them.
const charts = packed(one(join(site, 'vendor'), 'charts.', '.js'));
console.log(`charts       ${charts} with Brotli, limit ${chartsLimit}`);
if (charts > Number(chartsLimit)) process.exitCode = 1;
