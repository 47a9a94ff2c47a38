// What a browser downloads to make a page live, compressed with Brotli as a proxy would: node size.mjs PKG_FOLDER LIMIT_BYTES
// The program comes in parts: what all pages share, and what each page needs besides. The limit is for the largest page.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const [folder, limit] = process.argv.slice(2);
const names = readdirSync(folder);

function one(begin, end) {
  const found = names.filter((name) => name.startsWith(begin) && name.endsWith(end));
  if (found.length !== 1) throw new Error(`${folder} holds ${found.length} ${begin}*${end} files instead of one`);
  return found[0];
}

function packed(name) {
  const mode = name.endsWith('.js') ? constants.BROTLI_MODE_TEXT : constants.BROTLI_MODE_GENERIC;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_MODE]: mode };
  return brotliCompressSync(readFileSync(join(folder, name)), { params }).length;
}

const sum = (files) => files.reduce((bytes, name) => bytes + packed(name), 0);

const shared = sum([one('chargedeck.', '.wasm'), one('chargedeck.', '.js'), one('__wasm_split.', '.js')]);
console.log(`shared by all pages  ${shared} bytes with Brotli`);
const parts = JSON.parse(readFileSync(join(folder, one('__wasm_split_manifest.', '.json')), 'utf8'));
let largest = shared;
for (const [part, files] of Object.entries(parts)) {
  const more = sum(files.map((name) => `${name}.wasm`));
  largest = Math.max(largest, shared + more);
  console.log(`${part.padEnd(20)} ${more} more`);
}
console.log(`largest page ${largest} with Brotli, limit ${limit}`);
if (largest > Number(limit)) process.exitCode = 1;
