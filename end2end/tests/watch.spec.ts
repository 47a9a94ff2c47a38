// What a developer does: `cargo leptos watch --split` in a clone, as the README says. A text and a colour that are
// changed reach the browser that is open.
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, SERVER_AWAY } from '../fixtures.ts';
import { LIST, live, signIn } from '../page.ts';
import { chargedeck, freePort, Part, ROOT } from '../parts.ts';

const MINUTE = 60_000;
/** Always the same, because Cargo takes the same package elsewhere for another one, and compiles it anew. */
const CLONE = join(tmpdir(), 'chargedeck-watch');
const HEADING = 'Collection::Stations => "Stations"';

/** The files as they are now, with what `scripts/setup` puts beside them. */
function clone(): void {
  rmSync(CLONE, { recursive: true, force: true });
  execFileSync('git', ['clone', '--quiet', ROOT, CLONE]);
  const changed = execFileSync('git', ['ls-files', '-z', '--modified', '--others', '--exclude-standard'], { cwd: ROOT });
  for (const file of changed.toString().split('\0').filter((name) => name && existsSync(join(ROOT, name)))) {
    cpSync(join(ROOT, file), join(CLONE, file), { force: true });
  }
  cpSync(join(ROOT, 'public/vendor'), join(CLONE, 'public/vendor'), { recursive: true });
  symlinkSync(join(ROOT, 'end2end/node_modules'), join(CLONE, 'end2end/node_modules'));
}

function sourceOf(text: string): string {
  const files = readdirSync(join(CLONE, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.rs'));
  const found = files.map((name) => join(CLONE, 'src', name)).filter((path) => readFileSync(path, 'utf8').includes(text));
  expect(found, text).toHaveLength(1);
  return found[0]!;
}

test('@slow a changed text and a changed colour reach an open browser while cargo leptos watches', async ({ stack, mongo, browser, complaints }) => {
  // The first time all dependencies are compiled for development, twice.
  test.setTimeout(60 * MINUTE);
  complaints.allow(...SERVER_AWAY);
  clone();
  const [port, reload] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    MONGODB_URI: stack.mongo,
    REDIS_URL: stack.redis,
    MONGODB_DB: 'watched',
    CHARGEDECK_DB: 'watched_app',
    LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
    LEPTOS_RELOAD_PORT: String(reload),
  };
  await chargedeck(['seed'], environment);
  await chargedeck(['admin', 'create', stack.admin.email], environment, `${stack.admin.password}\n`);
  const developer = 'cd "$0" && eval "$(scripts/setup --env)" && exec cargo leptos watch --split';
  const watch = Part.start('watch', 'bash', ['-c', developer, CLONE], environment);
  try {
    const served = async () => (await fetch(`${url}/readyz`)).status === 200;
    const began = Date.now();
    await watch.until(served, 50 * 60);
    const times = [`served after ${seconds(began)}`];

    const context = await browser.newContext({ baseURL: url });
    complaints.watch(context);
    const page = await context.newPage();
    await signIn(page, stack.admin.email, stack.admin.password);
    await expect(page).toHaveURL(`${url}/`);
    await page.goto(LIST.stations);
    await live(page);
    const heading = page.locator('h1');
    await expect(heading).toHaveText('Stations');

    const source = sourceOf(HEADING);
    const text = Date.now();
    writeFileSync(source, readFileSync(source, 'utf8').replace(HEADING, 'Collection::Stations => "Other stations"'));
    await expect(heading).toHaveText('Other stations', { timeout: 10 * MINUTE });
    times.push(`a text ${seconds(text)}`);
    // The browser's side, too, is the new one: it would draw the old heading.
    await live(page);
    await expect(heading).toHaveText('Other stations');

    await page.evaluate(() => document.documentElement.setAttribute('data-not-reloaded', ''));
    const colour = Date.now();
    appendFileSync(join(CLONE, 'style/states.css'), '\nbody { background-color: rgb(1, 2, 3); }\n');
    await expect(page.locator('body')).toHaveCSS('background-color', 'rgb(1, 2, 3)', { timeout: 5 * MINUTE });
    times.push(`a colour ${seconds(colour)}`);
    await expect(page.locator('html')).toHaveAttribute('data-not-reloaded');
    await context.close();
    console.log(`    watch: ${times.join(', ')}`);
  } finally {
    // As Ctrl-C: the server that it started ends with it.
    await watch.end('SIGINT');
    await Promise.all([mongo.db('watched').dropDatabase(), mongo.db('watched_app').dropDatabase()]);
    rmSync(CLONE, { recursive: true, force: true });
  }
});

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`;
