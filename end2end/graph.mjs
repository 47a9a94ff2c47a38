// The module graph of `src/`: which file imports which, which imports run upwards, and which files or folders import each
// other in a circle. Ends with 1 where there is an import upwards or a circle, and names it.
//
//   node end2end/graph.mjs [--arrows]      --arrows prints every import between folders, too
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOMS } from './rooms.mjs';

const SRC = join(dirname(fileURLToPath(import.meta.url)), '..', 'src');

/** The text without comments, strings and tests. */
function bare(text) {
  const code = text.replace(/\/\/[^\n]*|\/\*[^]*?\*\/|r(#*)"[^]*?"\1|"(?:\\[^]|[^"\\])*"|'(?:\\.|[^'\\])'/g, ' ');
  return code.replace(/#\[cfg\((?:all\()?test[^\]]*\]\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+\w+\s*(;|\{)/g, '\u0000$1').split('\u0000').map(afterBlock).join(' ');
}

/** What follows the block or the semicolon with which a part begins; the first part begins with neither. */
function afterBlock(part, n) {
  if (n === 0 || part[0] === ';') return part;
  let depth = 0;
  for (let at = 0; at < part.length; at++) {
    if (part[at] === '{') depth++;
    if (part[at] === '}' && --depth === 0) return part.slice(at + 1);
  }
  return '';
}

/** `a::{b as c, d::*}` as [path, name] pairs. */
function* paths(tree, before = []) {
  const text = tree.trim();
  if (!text) return;
  const open = text.indexOf('{');
  if (open < 0) {
    const [path, alias] = text.split(/\s+as\s+/);
    const all = [...before, ...path.split('::').map((part) => part.trim()).filter(Boolean)];
    if (all.at(-1) === 'self') all.pop();
    if (all.length > 0) yield [all, alias ?? all.at(-1)];
    return;
  }
  const head = text.slice(0, open).split('::').map((part) => part.trim()).filter(Boolean);
  let [depth, from] = [0, open + 1];
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '{') depth++;
    const end = text[at] === '}' && depth-- === 0;
    if (end || (text[at] === ',' && depth === 0)) {
      yield* paths(text.slice(from, at), [...before, ...head]);
      from = at + 1;
    }
    if (end) return;
  }
}

const pathOf = (file) => file.replace(/\.rs$/, '').split('/').filter((part) => !['mod', 'lib', 'main'].includes(part));

/** All modules by their path: file, what they import and hand on, and all other paths that they name. */
export function modules() {
  const found = new Map();
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.rs'));
  const tests = new Set();
  for (const file of files.sort()) {
    const path = pathOf(file);
    const text = readFileSync(join(SRC, file), 'utf8');
    for (const [, name] of text.matchAll(/#\[cfg\((?:all\()?test[^\]]*\]\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;/g)) tests.add([...path, name].join('::'));
    const code = bare(text);
    const module = { file, path, imports: [], handed: new Map(), globs: [], code };
    module.rest = code.replace(/(pub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);/g, (_, handed, tree) => {
      for (const [target, name] of paths(tree)) {
        const within = files.includes(`${[...path, target[0]].join('/')}.rs`) || files.includes(`${[...path, target[0]].join('/')}/mod.rs`);
        const whole = within ? [...path, ...target] : absolute(target, path);
        if (!whole) continue;
        if (handed && whole.at(-1) === '*') module.globs.push(whole.slice(0, -1));
        else if (handed) module.handed.set(name, whole);
        else module.imports.push([whole.at(-1) === '*' ? whole.slice(0, -1) : whole, name]);
      }
      return ' ';
    });
    // `main.rs` and `lib.rs` are both the root.
    if (file !== 'main.rs') found.set(path.join('::'), module);
  }
  for (const key of found.keys()) if ([...tests].some((test) => key === test || key.startsWith(`${test}::`))) found.delete(key);
  return found;
}

/** A path from the crate's root; nothing for another crate's. */
function absolute(target, path) {
  if (target[0] === 'crate') return target.slice(1);
  let [at, up] = [0, 0];
  while (target[at] === 'super') [at, up] = [at + 1, up + 1];
  if (target[at] === 'self') at++;
  return at === 0 ? undefined : [...path.slice(0, path.length - up), ...target.slice(at)];
}

/** The module that defines what a path names. */
function home(all, path, seen = new Set()) {
  const key = path.join('::');
  if (seen.has(key)) return undefined;
  seen.add(key);
  for (let length = path.length; length >= 0; length--) {
    const module = all.get(path.slice(0, length).join('::'));
    if (!module) continue;
    const [name, ...rest] = path.slice(length);
    if (name === undefined) return module;
    const handed = module.handed.get(name);
    if (handed) return home(all, [...handed, ...rest], seen) ?? module;
    const glob = module.globs.find((target) => defines(home(all, target, new Set(seen)), name));
    return glob ? home(all, glob, seen) : module;
  }
  return undefined;
}

const defines = (module, name) => module !== undefined && new RegExp(`\\b(struct|enum|fn|trait|type|const|static|union|macro_rules!)\\s+${name}\\b`).test(module.code);

/** For each file the files that it imports, and by which names. */
function arrows(all) {
  const found = new Map();
  for (const module of all.values()) {
    const to = new Map();
    const add = (path) => {
      const target = home(all, path);
      // A module knows those within it, and its face is no import.
      if (!target || target === module) return;
      if (!to.has(target.file)) to.set(target.file, new Set());
      to.get(target.file).add(path.at(-1));
    };
    const names = new Map(module.imports.map(([path, name]) => [name, path]));
    for (const [path] of module.imports) add(path);
    for (const [text] of module.rest.matchAll(/\b[a-zA-Z_]\w*(?:::[a-zA-Z_]\w*)+/g)) {
      const path = text.split('::');
      const within = all.has([...module.path, path[0]].join('::')) ? [...module.path, ...path] : undefined;
      const imported = names.get(path[0]);
      const whole = absolute(path, module.path) ?? (imported ? [...imported, ...path.slice(1)] : within);
      if (whole) add(whole);
    }
    found.set(module.file, to);
  }
  return found;
}

/** What can be reached from each other, by Tarjan's algorithm. */
function circles(graph) {
  const [index, low, stack, found] = [new Map(), new Map(), [], []];
  const visit = (node) => {
    index.set(node, index.size);
    low.set(node, index.get(node));
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node), low.get(next)));
    }
    if (low.get(node) !== index.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) found.push(circle);
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

/** The first room of the list that a file stands in. */
const room = (file) => ROOMS.findIndex(({ of }) => of.some((name) => file === `${name}.rs` || file.startsWith(`${name}/`)));

const all = modules();
const files = arrows(all);
const upwards = [];
const folders = new Map(ROOMS.map(({ of }) => [of[0], new Map()]));
for (const [file, to] of files) {
  const from = room(file);
  if (from < 0) throw new Error(`src/${file} stands in no room: name it in end2end/rooms.mjs`);
  for (const [target, names] of to) {
    const at = room(target);
    if (at === from) continue;
    folders.get(ROOMS[from].of[0]).set(ROOMS[at].of[0], `${file} -> ${target}: ${[...names].join(', ')}`);
    const { may } = ROOMS[from];
    const allowed = at < from && (!may || may.some((name) => ROOMS[at].of[0] === name || ROOMS[at].of[0].startsWith(`${name}/`)));
    if (!allowed) upwards.push(`src/${file} -> src/${target}: ${[...names].join(', ')}`);
  }
}
const ofFiles = circles(new Map([...files].map(([file, to]) => [file, [...to.keys()]])));
const ofFolders = circles(new Map([...folders].map(([name, to]) => [name, [...to.keys()]])));
const count = [...files.values()].reduce((sum, to) => sum + to.size, 0);
if (process.argv.includes('--arrows')) {
  for (const [name, to] of folders) console.log(`${name} -> ${[...to.keys()].join(' ')}`);
}
for (const line of upwards) console.log(`upwards: ${line}`);
for (const circle of ofFiles) {
  console.log(`a circle of files: ${circle.map((file) => `src/${file}`).join(', ')}`);
  for (const file of circle) {
    for (const [target, names] of files.get(file)) {
      if (circle.includes(target)) console.log(`  src/${file} -> src/${target}: ${[...names].join(', ')}`);
    }
  }
}
for (const circle of ofFolders) {
  console.log(`a circle of folders: ${circle.join(', ')}`);
  for (const name of circle) {
    for (const [target, why] of folders.get(name)) if (circle.includes(target)) console.log(`  ${why}`);
  }
}
console.log(`${files.size} modules, ${count} imports, ${upwards.length} upwards, ${ofFiles.length + ofFolders.length} circles`);
process.exitCode = upwards.length + ofFiles.length + ofFolders.length > 0 ? 1 : 0;
