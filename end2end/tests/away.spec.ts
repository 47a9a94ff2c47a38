// The server or the line is away: what one reads stays, the page says what could not be loaded, and goes on by itself.
import type { Page } from '@playwright/test';
import { SERVER_AWAY, expect, test } from '../fixtures.ts';
import { LIST, alert, connection, live, openLive, rows } from '../page.ts';

/** What the browser itself writes when a part of the program does not come. */
const NO_PART = [/Failed to fetch/, /HTTP status code is not ok/, /404/];
const AWAY = /could not be loaded.*does not answer/;
/** The server answers, but one part of the program does not come. */
const PART = /could not be loaded: the server answers, but the part of the program/;
const menu = (page: Page, name: string) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name });
const stays = (page: Page): Promise<unknown> => page.evaluate(() => ((window as any).neverReloaded = true));
const stayed = (page: Page): Promise<unknown> => page.evaluate(() => (window as any).neverReloaded);

test('while the server is away a click in the menu leaves the page readable, and leads on when it is back', async ({ browserOn, server, complaints }) => {
  complaints.allow(...SERVER_AWAY);
  const page = await browserOn(0);
  await openLive(page, LIST.stations);
  await stays(page);
  await server.kill(0);
  await expect(connection(page)).toHaveAttribute('data-connection', 'offline');
  for (const name of ['Account', 'Payments']) {
    await page.getByRole('link', { name, exact: true }).first().click();
    await expect(alert(page)).toHaveText(AWAY);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Stations');
    await expect(rows(page, 'stations').first()).toBeVisible();
    await expect(page).toHaveURL(new RegExp(`${LIST.stations}$`));
  }
  await server.start(0);
  await expect(page).toHaveURL(new RegExp(`${LIST.payments}$`), { timeout: 20_000 });
  await expect(alert(page)).toHaveCount(0);
  await live(page);
  expect(await stayed(page)).toBe(true);
});

test('while the server is away the pages that it draws alone stay readable, too', async ({ browserOn, server, complaints }) => {
  complaints.allow(...SERVER_AWAY);
  const page = await browserOn(0);
  const stand = async (path: string) => {
    await expect(alert(page), path).toHaveText(AWAY);
    await expect(page, path).toHaveURL(new RegExp(`${path}$`));
    await expect(page.locator('.main'), path).toBeVisible();
  };
  for (const path of ['/account', '/users', '/users/invite', '/audit']) {
    await page.goto(path);
    await server.kill(0);
    await menu(page, 'Stations').click();
    await stand(path);
    await alert(page).getByRole('button', { name: 'Stay here' }).click();
    await expect(alert(page)).toHaveCount(0);
    if (path === '/audit') {
      await page.locator('select[name=result]').selectOption('refused');
      await page.locator('form.choice').getByRole('button').first().click();
      await stand(path);
      await server.start(0);
      await expect(page).toHaveURL(/\/audit\?.*result=refused/, { timeout: 20_000 });
    } else {
      await page.getByRole('link', { name: 'Audit log', exact: true }).first().click();
      await stand(path);
      await server.start(0);
      await expect(page).toHaveURL(/\/audit$/, { timeout: 20_000 });
    }
    await expect(alert(page)).toHaveCount(0);
  }
});

test('one may stay', async ({ browserOn, complaints }) => {
  complaints.allow(...SERVER_AWAY);
  const page = await browserOn(0);
  await openLive(page, LIST.stations);
  await page.context().setOffline(true);
  await expect(connection(page)).toHaveAttribute('data-connection', 'offline');
  await menu(page, 'Payments').click();
  await expect(alert(page)).toHaveText(AWAY);
  await alert(page).getByRole('button', { name: 'Stay here' }).click();
  await expect(alert(page)).toHaveCount(0);
  await page.context().setOffline(false);
  await live(page);
  await expect(page).toHaveURL(new RegExp(`${LIST.stations}$`));
  await menu(page, 'Payments').click();
  await expect(page).toHaveURL(new RegExp(`${LIST.payments}$`));
});

test('a page whose part of the program cannot be loaded leaves the one before, and comes when it can', async ({ browserOn, complaints }) => {
  complaints.allow(...SERVER_AWAY, ...NO_PART);
  const page = await browserOn(0);
  await openLive(page, '/');
  await stays(page);
  // The socket does not tell yet that the line is gone.
  const gone = ['**/pkg/*.wasm', '**/api/page/load*'];
  for (const path of gone) await page.route(path, (route) => route.abort());
  await menu(page, 'Stations').click();
  await expect(alert(page)).toHaveText(AWAY);
  await expect(page.locator('[data-figure="active_sessions"]')).toBeVisible();
  for (const path of gone) await page.unroute(path);
  await expect(rows(page, 'stations').first()).toBeVisible({ timeout: 15_000 });
  await expect(alert(page)).toHaveCount(0);
  expect(await stayed(page)).toBe(true);
});

test('rows that could not be loaded come by themselves when the server is back', async ({ browserOn, complaints }) => {
  complaints.allow(...SERVER_AWAY);
  const page = await browserOn(0);
  await openLive(page, LIST.stations);
  await stays(page);
  await page.route('**/api/page/load*', (route) => route.abort());
  await menu(page, 'Payments').click();
  await expect(page.getByText('Data unavailable')).toBeVisible();
  await page.context().setOffline(true);
  await expect(connection(page)).toHaveAttribute('data-connection', 'offline');
  await page.unroute('**/api/page/load*');
  await page.context().setOffline(false);
  await expect(rows(page, 'payments').first()).toBeVisible({ timeout: 15_000 });
  expect(await stayed(page)).toBe(true);
});

test('only another version of the program loads the page again', async ({ browserOn, complaints }) => {
  complaints.allow(...SERVER_AWAY, ...NO_PART);
  const page = await browserOn(0);
  await openLive(page, '/');
  await stays(page);
  await page.route('**/pkg/*.wasm', (route) => route.fulfill({ status: 404 }));
  await menu(page, 'Stations').click();
  await expect(alert(page)).toHaveText(PART);
  // It asked again, and was told the same version: the part may come yet.
  for (let asked = 0; asked < 2; asked++) await page.waitForResponse('**/api/page/load*');
  expect(await stayed(page)).toBe(true);
  const loaded = page.waitForEvent('load');
  await page.route('**/api/page/load*', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), version: 'another' } });
  });
  await loaded;
  await page.unroute('**/pkg/*.wasm');
  await page.unroute('**/api/page/load*');
  await expect(page).toHaveURL(new RegExp(`${LIST.stations}$`));
  expect(await stayed(page)).not.toBe(true);
});

test('a page says since when nothing was heard of the database, and goes on by itself', async ({ browserOn }) => {
  const page = await browserOn(0);
  /** How long ago the database was last heard, in milliseconds, if it is not as the server says. */
  let heard: number | undefined;
  await page.routeWebSocket(/\/live$/, (ws) => {
    ws.connectToServer().onMessage((message) => {
      const [, n, lag] = /^\{"Ping":\[(\d+),(\d+),\d+\]\}$/.exec(String(message)) ?? [];
      ws.send(n && heard !== undefined ? `{"Ping":[${n},${lag},${heard}]}` : message);
    });
  });
  await openLive(page, LIST.stations);
  await stays(page);
  const words = connection(page).locator('span');
  const banner = page.locator('.banner').filter({ hasText: 'No updates from the database' });
  await expect(banner).toHaveCount(0);

  heard = 2 * 60 * 60 * 1000;
  // A ping comes every five seconds.
  await expect(connection(page)).toHaveAttribute('data-connection', 'stale', { timeout: 20_000 });
  const clock = (at: number) => new Date(at).toLocaleTimeString('en-GB', { timeZone: 'Europe/London', hour: '2-digit', minute: '2-digit' });
  // MongoDB's clock and ours may be in different minutes.
  const since = `(${[-1, 0, 1].map((minutes) => clock(Date.now() - heard! + minutes * 60_000)).join('|')})`;
  await expect(words).toHaveText(new RegExp(`^Stale since ${since}$`));
  await expect(banner).toHaveText(new RegExp(`^No updates from the database since ${since}\\. What you see may be older than it looks\\.`));
  await expect(rows(page, 'stations').first()).toBeVisible();

  // A server that has just started has heard nothing yet, and no time is made up.
  heard = 2 ** 32 - 1;
  await expect(words).toHaveText('Stale', { timeout: 20_000 });
  await expect(banner).toHaveText(/^No updates from the database yet\./);

  heard = undefined;
  await live(page);
  await expect(banner).toHaveCount(0);
  expect(await stayed(page)).toBe(true);
});
