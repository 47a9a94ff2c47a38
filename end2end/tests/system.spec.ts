// The System page shows the pipeline as it is, and the shell never says “live” while nothing is heard.
import { expect, SERVER_AWAY, test } from '../fixtures.ts';
import { station } from '../documents.ts';
import { connection, live, openLive, panel, stage } from '../page.ts';
import type { Page } from '@playwright/test';

const serving = async (page: Page): Promise<number> =>
  (await panel(page, 'Instances').locator('tbody .status').allTextContents()).filter((word) => word.trim() === 'Serving').length;

test('figures move with writes, and every stage has a state in words', async ({ browserOn, db }) => {
  const page = await browserOn(0);
  await openLive(page, '/system');
  for (const title of ['Writers', 'MongoDB', 'Relay', 'Redis log', 'Instances', 'Sockets', 'Browsers']) {
    await expect(stage(page, title).locator('.status')).toHaveText(/\w/);
  }
  await expect(stage(page, 'Relay')).toContainText('OK');
  const stations = panel(page, 'Documents').getByRole('row', { name: /Stations/ }).locator('td').nth(1);
  const before = Number((await stations.textContent())!.replaceAll(',', ''));
  const written = station();
  await db.collection('stations').insertOne(written);
  await expect(stations).toHaveText((before + 1).toLocaleString('en-GB'));
  await db.collection('stations').deleteOne({ _id: written._id });
  await expect(stations).toHaveText(before.toLocaleString('en-GB'));
  for (const title of ['Relay', 'Redis log', 'Instances']) await expect(stage(page, title)).toContainText('after commit');
});

test('a document that cannot be read is counted, with the way to its list', async ({ browserOn, db }) => {
  const page = await browserOn(0);
  await openLive(page, '/system');
  const row = panel(page, 'Documents').getByRole('row', { name: /Stations/ });
  await expect(row).toContainText('All readable');
  const written = { ...station(), last_heartbeat_at: 'soon' };
  await db.collection('stations').insertOne(written as any);
  try {
    await expect(row).toContainText('Some marked');
  } finally {
    await db.collection('stations').deleteOne({ _id: written._id });
  }
  await row.getByRole('link', { name: 'Stations' }).click();
  await expect(page).toHaveURL(/\/stations$/);
});

test('two instances are listed, and one that is killed is seen to be silent', async ({ browserOn, server }) => {
  test.setTimeout(120_000);
  const page = await browserOn(0);
  await openLive(page, '/system');
  // One that an earlier test killed is remembered for a minute.
  await expect.poll(() => serving(page), { timeout: 30_000 }).toBe(2);
  await expect(panel(page, 'Instances').getByText('(this one)')).toHaveCount(1);
  await server.kill(1);
  await expect(panel(page, 'Instances').getByText(/Silent for/).first()).toBeVisible({ timeout: 20_000 });
  await expect(stage(page, 'Instances')).toContainText('Some silent');
  await server.start(1);
  await expect.poll(() => serving(page), { timeout: 30_000 }).toBe(2);
});

test('on a phone the pipeline stands upright and nothing is wider than the screen', async ({ browserOn }) => {
  const page = await browserOn(0, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await openLive(page, '/system');
  const [first, second] = await Promise.all(['Writers', 'MongoDB'].map((title) => stage(page, title).boundingBox()));
  expect(second!.y).toBeGreaterThanOrEqual(first!.y + first!.height);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
});

test('while MongoDB hangs no page says live, and all do again when it goes on', async ({ browserOn, freezeMongo, complaints }) => {
  test.setTimeout(120_000);
  const [page, system] = [await browserOn(0), await browserOn(1)];
  await openLive(page, '/');
  await openLive(system, '/system');
  // Rights cannot be checked either: sockets are closed, and opened again when they can.
  complaints.allow(...SERVER_AWAY, /status of 50\d/, /Unexpected response code: 50\d/);
  await freezeMongo(true);
  for (const of of [page, system]) {
    await expect(connection(of)).not.toHaveAttribute('data-connection', 'live', { timeout: 15_000 });
  }
  // As the server says, or as a page knows by itself that has lost it.
  await expect(stage(system, 'MongoDB')).toContainText(/No updates|Not known now/);
  await freezeMongo(false);
  for (const of of [page, system]) await live(of);
  await expect(stage(system, 'MongoDB')).toContainText('OK', { timeout: 30_000 });
});

test('a page that has lost its server claims nothing of the pipeline', async ({ browserOn, server, complaints }) => {
  complaints.allow(...SERVER_AWAY);
  const page = await browserOn(0);
  await openLive(page, '/system');
  await expect(stage(page, 'MongoDB')).toContainText('OK');
  await server.kill(0);
  await expect(stage(page, 'MongoDB')).toContainText('Not known now');
  await expect(page.locator('.pipeline')).not.toContainText('OK');
  await server.start(0);
  await expect(stage(page, 'MongoDB')).toContainText('OK', { timeout: 30_000 });
});
