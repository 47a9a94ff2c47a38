// A server of another version: an open page reloads once, when nobody is at work on it, and keeps its place.
import { expect, test } from '../fixtures.ts';
import { LIST, connection, live } from '../page.ts';
import type { WebSocketRoute } from '@playwright/test';

test('a page of another version reloads once at a calm moment, keeps its place, and says what is wrong', async ({ browserOn }) => {
  test.setTimeout(90_000);
  const page = await browserOn(0, { viewport: { width: 900, height: 300 } });
  let [loads, opened, outdated] = [0, 0, false];
  let socket: WebSocketRoute;
  page.on('load', () => (loads += 1));
  await page.routeWebSocket(/\/live$/, async (ws) => {
    opened += 1;
    socket = ws;
    if (outdated) await ws.close({ code: 4400 });
    else ws.connectToServer();
  });
  await page.goto(`${LIST.stations}?city=Dundee`);
  await live(page);
  const address = page.url();

  await page.evaluate(() => {
    const field = document.body.appendChild(document.createElement('input'));
    field.id = 'at-work';
    field.style.position = 'fixed';
    field.focus();
    scrollTo(0, 60);
  });
  const place = await page.evaluate(() => scrollY);
  expect(place).toBeGreaterThan(0);
  outdated = true;
  await socket!.close({ code: 4400 });
  await expect(connection(page)).toHaveAttribute('data-connection', 'outdated');
  // It tries again meanwhile, and stays as long as someone is at work.
  const before = opened;
  await expect.poll(() => opened, { timeout: 30_000 }).toBeGreaterThan(before + 2);
  await expect(page.locator('#at-work')).toBeFocused();
  expect(loads).toBe(1);

  await page.locator('#at-work').blur();
  await expect.poll(() => loads, { timeout: 30_000 }).toBe(2);
  expect(page.url()).toBe(address);
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(place);

  // The server is of another version still: this page says so, and does not reload again.
  await expect(connection(page)).toHaveAttribute('data-connection', 'outdated');
  await expect(page.locator('.banner')).toContainText('reload it');
  const again = opened;
  await expect.poll(() => opened, { timeout: 30_000 }).toBeGreaterThan(again + 2);
  expect(loads).toBe(2);

  outdated = false;
  await live(page);
  expect(loads).toBe(2);
});

test('a server whose frames cannot be read makes a page reload once', async ({ browserOn }) => {
  test.setTimeout(90_000);
  const page = await browserOn(0);
  let [loads, opened, changed] = [0, 0, true];
  page.on('load', () => (loads += 1));
  await page.routeWebSocket(/\/live$/, (ws) => {
    opened += 1;
    const server = ws.connectToServer();
    server.onMessage((message) => ws.send(changed && !String(message).includes('Welcome') ? '{"New":[]}' : message));
  });
  await page.goto(LIST.stations);
  await expect.poll(() => loads, { timeout: 30_000 }).toBe(2);
  const again = opened;
  await expect.poll(() => opened, { timeout: 30_000 }).toBeGreaterThan(again + 2);
  expect(loads).toBe(2);
  changed = false;
  await live(page);
  expect(loads).toBe(2);
});
