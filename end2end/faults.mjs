// Two pages that live through faults: node faults.mjs STATIONS_ORIGIN OVERVIEW_ORIGIN EMAIL PASSWORD
// Says in a line of JSON what they show, at once and for each line of standard input; ends with it. `tests/faults` asks.
import { createInterface } from 'node:readline';
import { chromium } from '@playwright/test';

const [stationsOrigin, overviewOrigin, email, password] = process.argv.slice(2);

/**
 * In the page: rows as id, name and connection; `null` for what is not known. Rows out of sight have no `innerText`. A NUL
 * is shown by nobody, and lost where the server draws, which leaves a space where a text is empty.
 */
function stations() {
  const text = (cell) => [...cell.querySelector('.text').childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data).join('');
  const said = (cell, read) => (cell.querySelector('.missing') ? null : read(cell).replaceAll('\0', '').trim());
  return [...document.querySelectorAll('table[data-topic=stations] tr[data-id]')].map((row) => [
    row.dataset.id,
    said(row.querySelector('[data-field=name]'), text),
    said(row.querySelector('[data-field=connection]'), (cell) => cell.textContent),
  ]);
}

/** In the page: figures as name and text. */
function figures() {
  return ['active_sessions', 'clients', 'open_payments'].map((name) => [
    name,
    document.querySelector(`[data-figure=${name}] .figure`).innerText.trim(),
  ]);
}

/** What a page says of its program while links are cut; it loads again. */
const NOT_HAD = /imported module|part of the program/;

/** A page in a browser of its own; a mark tells whether it is still the one that was opened. */
class Watched {
  signIns = 0;
  /** Since the page led to the login it has not been seen live. Its session may be back by then: a Redis of before knows it. */
  opening = false;
  complaints = [];

  static async open(browser, origin, path, read) {
    const context = await browser.newContext({ baseURL: origin, locale: 'en-GB', timezoneId: 'Europe/London' });
    const watched = Object.assign(new Watched(), { page: await context.newPage(), origin, path, read });
    watched.page.setDefaultTimeout(10_000);
    watched.page.on('pageerror', ({ message }) => {
      if (!(watched.opening && NOT_HAD.test(message))) watched.complaints.push(message);
    });
    watched.page.on('request', (request) => {
      if (request.isNavigationRequest() && new URL(request.url()).pathname === '/login') watched.opening = true;
    });
    watched.page.on('console', (line) => /hydrat/i.test(line.text()) && watched.complaints.push(line.text()));
    await watched.page.goto(path);
    return watched;
  }

  /** What a person does who finds the page for signing in; the view of before must follow. */
  async signIn() {
    await this.page.locator('input[name=email]').fill(email);
    await this.page.locator('input[name=password]').fill(password);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.waitForURL(this.origin + this.path);
  }

  /** While links are cut a page may have to be loaded more than once before it lives. */
  async opened() {
    await this.page.locator('[data-connection=live]').first().waitFor({ state: 'attached' });
    await this.page.evaluate(() => (window.neverReloaded = true));
    this.signIns++;
    this.opening = false;
  }

  async look() {
    try {
      if (new URL(this.page.url()).pathname === '/login') await this.signIn();
      if (this.opening) await this.opened();
      const { path, signIns, complaints } = this;
      const marked = await this.page.evaluate(() => window.neverReloaded === true);
      return { path, signIns, complaints, marked, shown: await this.page.evaluate(this.read) };
    } catch ({ message }) {
      return { path: this.path, signIns: this.signIns, complaints: this.complaints, trouble: message };
    }
  }
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const pages = [
    await Watched.open(browser, stationsOrigin, '/stations', stations),
    await Watched.open(browser, overviewOrigin, '/', figures),
  ];
  const tell = async () => console.log(JSON.stringify(await Promise.all(pages.map((page) => page.look()))));
  await tell();
  for await (const _ of createInterface({ input: process.stdin })) await tell();
} finally {
  await browser.close();
}
