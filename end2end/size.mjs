// What a browser downloads to become live, compressed with Brotli as a proxy would: node size.mjs PKG_FOLDER LIMIT_BYTES
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const [folder, limit] = process.argv.slice(2);
let total = 0;
for (const kind of ['wasm', 'js']) {
  const files = readdirSync(folder).filter((name) => name.endsWith(`.${kind}`));
  if (files.length !== 1) throw new Error(`${folder} holds ${files.length} .${kind} files instead of one`);
  const raw = readFileSync(join(folder, files[0]));
  const mode = kind === 'js' ? constants.BROTLI_MODE_TEXT : constants.BROTLI_MODE_GENERIC;
  const packed = brotliCompressSync(raw, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_MODE]: mode },
  }).length;
  total += packed;
  console.log(`${kind.padEnd(5)} ${raw.length} bytes, ${packed} with Brotli`);
}
console.log(`total ${total} with Brotli, limit ${limit}`);
if (total > Number(limit)) process.exitCode = 1;
