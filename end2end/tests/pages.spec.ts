// Every page: with and without JavaScript, narrow and wide, light and dark, for eyes and for screen readers.
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { REFUSED, expect, test } from '../fixtures.ts';
import { LIST, PAGES, TOPICS, connection, figure, figures, live, openLive, rows, signIn, split } from '../page.ts';
import { Server, chargedeck } from '../parts.ts';

test('without JavaScript every page shows the data', async ({ browserOn, db }) => {
  const page = await browserOn(0, { javaScriptEnabled: false });
  for (const topic of TOPICS) {
    await page.goto(LIST[topic]);
    const shown = Math.min(await db.collection(topic).countDocuments(), topic === 'stations' ? 500 : 50);
    expect(shown, `the seed fills ${topic}`).toBeGreaterThan(0);
    await expect(rows(page, topic)).toHaveCount(shown);
  }
  await page.goto('/');
  await expect(figures(page), 'there are cards').not.toHaveCount(0);
  await expect(figures(page).filter({ hasNotText: /\d/ })).toHaveCount(0);
  await expect(split(page)).toHaveText(/\d/);
});

test('figures of a view are withheld with the reason, on an open page too, and come by themselves', async ({ browser, stack, mongo, complaints }) => {
  complaints.allow(/status of 500/);
  const name = `unread_${Date.now()}`;
  const environment = { MONGODB_URI: stack.mongo, REDIS_URL: stack.redis, MONGODB_DB: name, CHARGEDECK_DB: `${name}_app` };
  const db = mongo.db(name);
  await chargedeck(['admin', 'create', stack.admin.email], environment, `${stack.admin.password}\n`);
  const server = await Server.start(name, environment);
  const context = await browser.newContext({ baseURL: server.url });
  complaints.watch(context);
  try {
    // Of a view MongoDB tells no changes, so no figure is shown.
    await db.createCollection('clients', { viewOn: 'others', pipeline: [] });
    await expect.poll(async () => (await fetch(`${server.url}/readyz`)).status).toBe(503);
    const page = await context.newPage();
    await signIn(page, stack.admin.email, stack.admin.password);
    const failure = page.getByRole('alert');
    // The program looks every second, and may have drawn a page before.
    await expect(async () => {
      await page.goto('/');
      await expect(failure).toContainText('clients is a view', { timeout: 1000 });
    }).toPass();
    await expect(failure).toHaveCount(1);
    // Before, its link loads the page again.
    await expect(page.locator('html')).toHaveAttribute('data-program', 'runs');
    await page.evaluate(() => ((window as any).neverReloaded = true));
    const again = page.getByRole('link', { name: 'Try again' });
    await again.click();
    await expect(again).toBeVisible();
    await db.collection('clients').drop();
    await expect(async () => {
      await expect(figure(page, 'clients')).toHaveText(/^0/, { timeout: 1000 });
    }).toPass();
    await live(page);
    // While the page is open.
    await db.collection('clients').drop();
    await db.createCollection('clients', { viewOn: 'others', pipeline: [] });
    await expect(failure).toContainText('clients is a view', { timeout: 3000 });
    await expect(connection(page)).toHaveAttribute('data-connection', 'unfollowed');
    await expect(connection(page)).toHaveText('clients not followed');
    await expect(figure(page, 'clients')).toHaveCount(0);
    await page.getByRole('link', { name: 'Stations' }).first().click();
    await expect(page.locator('[data-topic=stations]'), 'lists of others go on').toBeVisible();
    await expect(connection(page)).toHaveText('clients not followed');
    await db.collection('stations').insertOne({ station_id: 'S1', name: 'New' } as any);
    await expect(rows(page, 'stations')).toHaveCount(1);
    await db.collection('clients').drop();
    await live(page);
    expect(await page.evaluate(() => (window as any).neverReloaded)).toBe(true);
  } finally {
    await context.close();
    await server.stop();
  }
});

test('without JavaScript one can sign in, and a mistake costs nothing but the password', async ({ stack, browserOn, complaints }) => {
  complaints.allow(...REFUSED);
  const page = await browserOn(0, { javaScriptEnabled: false, storageState: undefined });
  await signIn(page, stack.admin.email, 'not the password');
  await expect(page.getByRole('alert')).toHaveText(/\S/);
  await expect(page.getByLabel('E-mail')).toHaveValue(stack.admin.email);
  await expect(page.getByLabel('Password')).toBeFocused();
  await signIn(page, stack.admin.email, stack.admin.password);
  await expect(page).toHaveURL(`${stack.urls[0]}/`);
  await expect(figure(page, 'clients')).toHaveText(/\d/);
});

test('the browser side takes every page over without a word in the console', async ({ browserOn }) => {
  const page = await browserOn(0);
  for (const path of PAGES) await openLive(page, path);
});

test('moving between pages keeps the one socket', async ({ browserOn }) => {
  const page = await browserOn(0);
  let sockets = 0;
  page.on('websocket', () => (sockets += 1));
  await openLive(page, '/');
  for (const topic of TOPICS) {
    await page.locator(`nav a[href="${LIST[topic]}"]`).locator('visible=true').first().click();
    await expect(page).toHaveURL(new RegExp(`${LIST[topic]}$`));
    await expect(rows(page, topic).first()).toBeVisible();
    await expect(connection(page)).toHaveAttribute('data-connection', 'live');
  }
  expect(sockets).toBe(1);
});

const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

for (const [name, width, height] of [['a phone', 390, 844], ['a wall', 2560, 1440]] as const) {
  test(`no page is wider than ${name} (${width} px)`, async ({ browserOn }) => {
    const page = await browserOn(0, { viewport: { width, height } });
    for (const path of PAGES) {
      await openLive(page, path);
      expect(await overflow(page), path).toBeLessThanOrEqual(0);
    }
    const login = await browserOn(0, { viewport: { width, height }, storageState: undefined });
    await login.goto('/login');
    expect(await overflow(login), '/login').toBeLessThanOrEqual(0);
  });
}

test('light and dark are two looks', async ({ browserOn }) => {
  const page = await browserOn(0);
  const background = () =>
    page.evaluate(() => [document.documentElement, document.body].map((of) => getComputedStyle(of).backgroundColor).join());
  await page.emulateMedia({ colorScheme: 'light' });
  await openLive(page, '/');
  const light = await background();
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(background).not.toBe(light);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing serious, ${colorScheme}`, async ({ browserOn }) => {
    test.setTimeout(120_000);
    const page = await browserOn(0, { colorScheme });
    for (const path of PAGES) {
      await openLive(page, path);
      await expectAccessible(page, path);
    }
    const login = await browserOn(0, { colorScheme, storageState: undefined });
    await login.goto('/login');
    await expectAccessible(login, '/login');
  });
}

async function expectAccessible(page: Page, path: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ target }) => target.join(' ')).join(', ')}`);
  expect(serious, path).toEqual([]);
}
