// Builds what pages with charts load, into public/vendor: node charts.mjs
// Its name holds the hash of its content, so that browsers may keep it for ever. What is already there stays untouched:
// the folder's times tell the build whether anything is new.
import { build } from 'esbuild';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const modules = join(import.meta.dirname, 'node_modules');
const folder = join(root, 'public/vendor');
const LICENCES = 'charts-licences.txt';

const { outputFiles } = await build({
  entryPoints: [join(root, 'src/web/charts/bundle/charts.mjs')],
  nodePaths: [modules],
  entryNames: '[name].[hash]',
  outdir: folder,
  bundle: true,
  minify: true,
  write: false,
  format: 'iife',
  target: 'es2022',
  legalComments: 'none',
  banner: { js: `/* Apache ECharts (Apache-2.0), ZRender and D3 (BSD-3-Clause), tslib (0BSD): see ${LICENCES} */` },
});

// What the licences of the bundled packages ask to travel with them.
const licences = [
  'echarts/NOTICE', 'echarts/LICENSE', 'echarts/licenses/LICENSE-d3', 'zrender/LICENSE', 'tslib/LICENSE.txt',
].map((file) => `${file}\n\n${readFileSync(join(modules, file), 'utf8').trim()}\n`);

const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
files.set(LICENCES, Buffer.from(licences.join(`\n${'-'.repeat(80)}\n\n`)));

mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(join(folder, name));
for (const [name, contents] of files) {
  const path = join(folder, name);
  if (!existsSync(path) || !readFileSync(path).equals(contents)) writeFileSync(path, contents);
}
