// Activity: complete, in order, live; held still on request; the same after a reload.
import { SERVER_AWAY, expect, test } from '../fixtures.ts';
import { connection, live, openLive } from '../page.ts';
import type { WebSocketRoute } from '@playwright/test';
import { Long } from 'mongodb';

test('events arrive live, stay after a reload, and wait while the feed is held', async ({ browserOn, db }) => {
  const feed = (page: Awaited<ReturnType<typeof browserOn>>) => page.locator('[data-feed=activity] li[data-id]:not([data-id=""])');
  const page = await browserOn(0);
  await openLive(page, '/activity?of=payments');
  const payments = db.collection<{ _id: string }>('payments');
  const insert = (n: number) =>
    payments.insertOne({
      _id: `activity-${n}`, payment_id: `ACT-${n}`, status: 'FAILED', failure_code: 'card_expired', amount_minor: 1240, currency: 'GBP', created_at: new Date(),
    } as never);
  await insert(1);
  await expect(feed(page).first()).toContainText('ACT-1');
  await expect(feed(page).first()).toContainText('£12.40');

  await page.getByRole('button', { name: 'Pause' }).click();
  await insert(2);
  await insert(3);
  await expect(page.getByRole('button', { name: 'Resume: 2 new' })).toBeVisible();
  await expect(feed(page).first()).toContainText('ACT-1');
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(feed(page).first()).toContainText('ACT-3');

  // Another instance, from the database alone, and filtered.
  const other = await browserOn(1);
  await openLive(other, '/activity?of=problems');
  for (const [i, n] of [3, 2, 1].entries()) await expect(feed(other).nth(i)).toContainText(`ACT-${n}`);
  await openLive(other, '/activity?of=clients');
  await expect(other.getByText('ACT-3')).toHaveCount(0);
  await other.getByRole('link', { name: 'All', exact: true }).click();
  await expect(other.locator('[data-feed=activity]')).toContainText('ACT-3');
  await expect(connection(other)).toHaveAttribute('data-connection', 'live');
  await payments.deleteMany({ _id: /^activity-/ });
  await expect(feed(other).first()).toContainText('deleted');
});

test('older events come on scroll, and on request', async ({ browserOn, db, events }) => {
  const clients = db.collection<{ _id: string }>('clients');
  const many = Array.from({ length: 120 }, (_, n) => ({ _id: `older-${n}`, name: `Older ${n}`, status: 'ACTIVE', created_at: new Date() }));
  await clients.insertMany(many as never[]);
  await expect.poll(() => events.countDocuments({ op: 'insert', 'news.label': /^Older / })).toBe(many.length);
  const page = await browserOn(0);
  const list = page.locator('[data-feed=activity] li[data-id]:not([data-id=""])');
  await openLive(page, '/activity?of=clients');
  await expect(list.first()).toContainText('Older 119');
  await expect(list).toHaveCount(50);
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
  await expect(list).toHaveCount(100);
  await expect(list.nth(99)).toContainText('Older 20');
  const shown = await list.count();
  await page.getByRole('button', { name: 'Older events' }).press('Enter');
  await expect.poll(() => list.count()).toBeGreaterThan(shown);
  await clients.deleteMany({ _id: /^older-/ });
});

test('where more happens at once than a feed holds, the older can be asked for', async ({ browserOn, db, events, server, complaints }) => {
  complaints.allow(...SERVER_AWAY);
  const payments = db.collection<{ _id: string }>('payments');
  const page = await browserOn(0);
  const list = page.locator('[data-feed=activity] li[data-id]:not([data-id=""])');
  await openLive(page, '/activity?of=problems');
  await expect(page.getByRole('button', { name: 'Older events' })).toBeHidden();
  await server.kill(0);
  const many = Array.from({ length: 60 }, (_, n) => ({ _id: `gap-${n}`, payment_id: `GAP-${n}`, status: 'FAILED', amount_minor: 1240, currency: 'GBP', created_at: new Date() }));
  await payments.insertMany(many as never[]);
  await expect.poll(() => events.countDocuments({ op: 'insert', 'news.label': /^GAP-/ })).toBe(many.length);
  await server.start(0);
  await expect(list.first()).toContainText('GAP-59', { timeout: 30_000 });
  await page.getByRole('button', { name: 'Older events' }).press('Enter');
  await expect(list.nth(59)).toContainText('GAP-0');
  await payments.deleteMany({ _id: /^gap-/ });
});

test('older events wait for those that are not written yet', async ({ browserOn, db, events, mongo }) => {
  const clients = db.collection<{ _id: string }>('clients');
  const validate = (validator: object) => mongo.db('chargedeck_app').command({ collMod: 'events', validator });
  const many = Array.from({ length: 120 }, (_, n) => ({ _id: `late-${100 + n}`, name: `Late ${n}`, status: 'ACTIVE', created_at: new Date() }));
  await clients.insertMany(many as never[]);
  await expect.poll(() => events.countDocuments({ op: 'insert', 'news.label': /^Late / })).toBe(many.length);
  await validate({ op: 'none can be written' });
  try {
    await clients.deleteMany({ _id: /^late-/ });
    const page = await browserOn(0);
    const list = page.locator('[data-feed=activity] li[data-id]:not([data-id=""])');
    const older = page.locator('[data-more]');
    await openLive(page, '/activity?of=clients');
    await expect(list.first()).toContainText('Late 119 deleted');
    await expect(list).toHaveCount(50);
    await older.press('Enter');
    await expect(older).toHaveText('Loading older events');
    await expect(list).toHaveCount(50);
    await validate({});
    await expect(list.nth(50)).toContainText('Late 69 deleted');
    await expect(list.nth(99)).toContainText('Late 20 deleted');
  } finally {
    await validate({});
  }
});

test('a page away for more than is kept asks for what was before that', async ({ browserOn, db, events, mongo }) => {
  test.setTimeout(90_000);
  const clients = db.collection<{ _id: string }>('clients');
  const payments = db.collection<{ _id: string }>('payments');
  const validate = (validator: object) => mongo.db('chargedeck_app').command({ collMod: 'events', validator });
  const pay = (n: number) =>
    payments.insertOne({ _id: `away-${n}`, payment_id: `AWAY-${n}`, status: 'FAILED', amount_minor: 1, currency: 'GBP', created_at: new Date() } as never);
  const page = await browserOn(0);
  const list = page.locator('[data-feed=activity] li[data-id]:not([data-id=""])');
  const older = page.locator('[data-more]');
  let away = false;
  let socket: WebSocketRoute;
  await page.routeWebSocket(/\/live$/, async (ws) => {
    socket = ws;
    if (away) await ws.close({ code: 1013 });
    else ws.connectToServer();
  });
  await pay(1);
  await expect.poll(() => events.countDocuments({ op: 'insert', payment_id: 'AWAY-1' })).toBe(1);
  await openLive(page, '/activity?of=payments');
  await expect(list.first()).toContainText('AWAY-1');
  const other = await browserOn(0);
  await openLive(other, '/activity?of=clients');
  await validate({ op: 'none can be written' });
  try {
    away = true;
    await socket!.close({ code: 1013 });
    await expect(connection(page)).not.toHaveAttribute('data-connection', 'live');
    await pay(2);
    const many = Array.from({ length: 2100 }, (_, n) => ({ _id: `away-${n}`, name: `Away ${n}`, status: 'ACTIVE', created_at: new Date() }));
    await clients.insertMany(many as never[]);
    await expect(other.locator('[data-feed=activity] li').first()).toContainText('Away 2099');
    away = false;
    await live(page);
    await expect(list).toHaveCount(0);
    await older.press('Enter');
    await expect(older).toHaveText('Loading older events');
    await expect(list).toHaveCount(0);
    await pay(3);
    await expect(list.first()).toContainText('AWAY-3');
    await validate({});
    await expect(list.nth(1)).toContainText('AWAY-2');
    await expect(list.nth(2)).toContainText('AWAY-1');
  } finally {
    await validate({});
    await clients.deleteMany({ _id: /^away-/ });
    await payments.deleteMany({ _id: /^away-/ });
  }
});

test('a feed says where changes may be missing', async ({ browserOn, events }) => {
  const [oldest] = await events.find().sort({ _id: 1 }).limit(1).toArray();
  const { e, s } = oldest!._id as unknown as { e: number; s: number };
  const gap = { _id: { e: Long.fromNumber(e), s: Long.fromNumber(s - 1) }, at: new Date(), op: 'gap', after: '1-1' };
  await events.insertOne(gap as never);
  try {
    const page = await browserOn(0);
    await openLive(page, '/activity?of=problems');
    const older = page.getByRole('button', { name: 'Older events' });
    const told = page.locator('[data-feed=activity] li[data-op=gap]');
    // The button goes with the last of them, at any moment.
    await expect(async () => {
      if (await older.isVisible()) await older.press('Enter', { timeout: 500 });
      await expect(told).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 20_000 });
    await expect(told).toHaveText(/may be missing/);
  } finally {
    await events.deleteOne({ _id: gap._id as never });
  }
});
