// Lists narrowed by their address: exactly the documents behind a figure, live, with the right total, with and without JavaScript.
import type { Locator, Page } from '@playwright/test';
import type { Document } from 'mongodb';
import { expect, test } from '../fixtures.ts';
import { client, payment, session, station, unique } from '../documents.ts';
import { LIST, PAGES, figure, openLive, row, rows, split } from '../page.ts';

const head = (page: Page): Locator => page.locator('.list-head p');
const chips = (page: Page): Locator => page.locator('.chips');
const choice = (page: Page, name: string): Locator => page.locator('nav.choices').getByRole('link', { name, exact: true });
/** `50 of 1,284 that match, newest first` */
const matching = (total: number): RegExp => new RegExp(`^[\\d,]+ of ${total.toLocaleString('en-GB')} that match, `);
const id = (of: Document): string => String(of._id);

/** The query behind the link of a card. */
async function behind(page: Page, name: Parameters<typeof figure>[1]): Promise<string> {
  const link = page.locator(`.card[data-figure="${name}"] h2 a`);
  await expect(link).toHaveAttribute('href', /\?/);
  return (await link.getAttribute('href'))!;
}

test('rows enter and leave a selected list as they come to match, and the total is exact', async ({ browserOn, db }) => {
  const name = unique('C-sel');
  const mine = [session({ client_id: name }), session({ client_id: name }), session({ client_id: name, status: 'COMPLETED' })];
  const other = session({ client_id: unique('C-other') });
  const sessions = db.collection('charging_sessions');
  await sessions.insertMany([...mine, other]);
  try {
    const pages = [await browserOn(0), await browserOn(1)];
    for (const page of pages) {
      await openLive(page, `${LIST.charging_sessions}?status=ACTIVE&client=${name}`);
      await expect(head(page)).toHaveText(matching(2));
      await expect(rows(page, 'charging_sessions')).toHaveCount(2);
      await page.evaluate(() => ((window as any).neverReloaded = true));
    }
    const steps: [() => Promise<unknown>, Document[]][] = [
      [() => sessions.updateOne({ _id: mine[0]!._id }, { $set: { status: 'COMPLETED', end_date_time: new Date() } }), [mine[1]!]],
      // Nothing but the status travels: the row must be fetched.
      [() => sessions.updateOne({ _id: mine[2]!._id }, { $set: { status: 'ACTIVE' } }), [mine[1]!, mine[2]!]],
      [() => sessions.updateOne({ _id: other._id }, { $set: { client_id: name } }), [mine[1]!, mine[2]!, other]],
      [() => sessions.deleteOne({ _id: mine[1]!._id }), [mine[2]!, other]],
    ];
    for (const [write, there] of steps) {
      await write();
      for (const page of pages) {
        await expect(rows(page, 'charging_sessions')).toHaveCount(there.length, { timeout: 15_000 });
        for (const one of there) await expect(row(page, 'charging_sessions', id(one))).toBeVisible();
        await expect(head(page)).toHaveText(matching(there.length));
      }
    }
    for (const page of pages) expect(await page.evaluate(() => (window as any).neverReloaded)).toBe(true);
  } finally {
    await sessions.deleteMany({ _id: { $in: [...mine, other].map(({ _id }) => _id) } });
  }
});

test('the total of a list that is longer than the page settles to what the database has', async ({ browserOn, db }) => {
  const clients = db.collection('clients');
  const company = unique('selected');
  const many = Array.from({ length: 90 }, () => client({ company, status: 'LOCKED' }));
  await clients.insertMany(many);
  try {
    const page = await browserOn(0);
    const locked = () => clients.countDocuments({ status: 'LOCKED' });
    await openLive(page, `${LIST.clients}?status=LOCKED`);
    await expect(rows(page, 'clients')).toHaveCount(50);
    await expect(head(page)).toHaveText(matching(await locked()));
    // Some of these were never on the page.
    await clients.updateMany({ _id: { $in: many.slice(0, 30).map(({ _id }) => _id) } }, { $set: { status: 'BLOCKED' } });
    await expect(head(page)).toHaveText(matching(await locked()), { timeout: 15_000 });
    await clients.updateMany({ company, status: 'BLOCKED' }, { $set: { status: 'LOCKED' } });
    await expect(head(page)).toHaveText(matching(await locked()), { timeout: 15_000 });
  } finally {
    await clients.deleteMany({ company });
  }
});

test('choices and chips lead from one list to another without a reload', async ({ browserOn, db }) => {
  const name = unique('C-chips');
  const mine = [payment({ client_id: name }), payment({ client_id: name, status: 'FAILED' })];
  const payments = db.collection('payments');
  await payments.insertMany(mine);
  try {
    const page = await browserOn(0);
    await openLive(page, `${LIST.payments}?client=${name}`);
    await page.evaluate(() => ((window as any).neverReloaded = true));
    await expect(rows(page, 'payments')).toHaveCount(2);
    await expect(choice(page, 'All')).toHaveAttribute('aria-current', 'true');

    await choice(page, 'Failed').click();
    await expect(page).toHaveURL(new RegExp(`status=FAILED&client=${name}$`));
    await expect(rows(page, 'payments')).toHaveCount(1);
    await expect(choice(page, 'Failed')).toBeFocused();
    await expect(choice(page, 'Failed')).toHaveAttribute('aria-current', 'true');
    await expect(chips(page)).toContainText('Status: Failed');
    await expect(chips(page)).toContainText(`Client: ${name}`);

    await chips(page).getByRole('link', { name: 'Status: Failed' }).click();
    await expect(page).toHaveURL(new RegExp(`\\?client=${name}$`));
    await expect(rows(page, 'payments')).toHaveCount(2);

    await page.goBack();
    await expect(rows(page, 'payments')).toHaveCount(1);
    await chips(page).getByRole('link', { name: 'Show all' }).click();
    await expect(page).toHaveURL(new RegExp(`${LIST.payments}$`));
    await expect(chips(page)).toHaveCount(0);
    await expect(head(page)).not.toContainText('match');
    expect(await page.evaluate(() => (window as any).neverReloaded)).toBe(true);
  } finally {
    await payments.deleteMany({ _id: { $in: mine.map(({ _id }) => _id) } });
  }
});

test('without JavaScript the list is there, its parts can be taken away, and nothing is said to be nothing', async ({ browserOn, db }) => {
  const name = unique('C-plain');
  const mine = [session({ client_id: name }), session({ client_id: name, status: 'COMPLETED' })];
  const sessions = db.collection('charging_sessions');
  await sessions.insertMany(mine);
  try {
    const page = await browserOn(0, { javaScriptEnabled: false });
    await expect(async () => {
      await page.goto(`${LIST.charging_sessions}?status=COMPLETED&client=${name}`);
      await expect(rows(page, 'charging_sessions')).toHaveCount(1, { timeout: 500 });
    }).toPass();
    await expect(head(page)).toHaveText(matching(1));
    await chips(page).getByRole('link', { name: 'Status: Completed' }).click();
    await expect(rows(page, 'charging_sessions')).toHaveCount(2);
    await choice(page, 'Invalid').click();
    await expect(page.getByText('Nothing matches')).toBeVisible();
    await page.locator('.empty').getByRole('link', { name: 'Show all' }).click();
    await expect(page).toHaveURL(new RegExp(`${LIST.charging_sessions}$`));
    await expect(rows(page, 'charging_sessions').first()).toBeVisible();
  } finally {
    await sessions.deleteMany({ _id: { $in: mine.map(({ _id }) => _id) } });
  }
});

test('what cannot be selected is said, on the page and in the API, and is never the whole list', async ({ browserOn }) => {
  const page = await browserOn(0);
  for (const query of [
    'evse=UNKNOWN', 'captured=today', 'currency=pounds', 'status=FAILED&status=PENDING',
    // What nobody knows is not passed over in silence.
    'statuss=FAILED', 'status=FAILED&page=7', 'status=failed', 'status=BOGUS', 'status=CAPTURED,BOGUS',
  ]) {
    await openLive(page, `${LIST.payments}?${query}`);
    await expect(page.getByRole('alert')).toContainText('Invalid filter');
    await expect(rows(page, 'payments')).toHaveCount(0);
    await expect(page.getByRole('alert').getByRole('link', { name: 'Show all' })).toHaveAttribute('href', LIST.payments);
    const refused = await page.request.get(`/api/v1/snapshot/payments?${query}`);
    expect(refused.status()).toBe(400);
    expect((await refused.json()).code).toBe('bad_selection');
  }
  for (const query of ['of=users', 'off=payments']) {
    await openLive(page, `/activity?${query}`);
    await expect(page.getByRole('alert')).toContainText('Invalid filter');
    await page.getByRole('alert').getByRole('link', { name: 'Show all' }).click();
    await expect(page).toHaveURL(/\/activity$/);
    await expect(page.locator('.activity')).toBeVisible();
  }
  const nowhere = await page.request.get('/api/v1/snapshot/charging_sessions?slot=1.2@Europe/Nowhere');
  expect(nowhere.status()).toBe(400);
});

test('no page passes over a parameter that it does not know', async ({ browserOn, complaints }) => {
  // Chromium's own words where the document's status says so, too.
  complaints.allow(/status of 400/);
  const page = await browserOn(0);
  for (const path of PAGES) {
    await openLive(page, `${path}?nonsense=1`);
    const refused = page.locator('.main').getByRole('alert');
    await expect(refused, path).toContainText('“nonsense”');
    await expect(refused.getByRole('link'), path).toHaveAttribute('href', path);
  }
  for (const path of ['/', '/system']) {
    await openLive(page, `${path}?station=S1`);
    await expect(page.locator('.main .panel'), `${path} shows nothing that looks filtered`).toHaveCount(1);
    await page.getByRole('alert').getByRole('link').click();
    await expect(page).toHaveURL(new RegExp(`${path}$`));
    await expect(page.locator('.main .panel').nth(1)).toBeVisible();
  }
});

test('each card leads to exactly the documents of its figure', async ({ browserOn, db }) => {
  const now = new Date();
  const mine: Record<string, Document[]> = {
    charging_sessions: [session(), session({ status: 'COMPLETED', end_date_time: now })],
    payments: [
      payment(), payment({ status: 'FAILED' }),
      payment({ status: 'CAPTURED', captured_minor: 1234, captured_at: now }),
      payment({ status: 'REFUNDED', captured_minor: 1234, refunded_minor: 1234, captured_at: now }),
    ],
    clients: [client()],
  };
  for (const [topic, documents] of Object.entries(mine)) await db.collection(topic).insertMany(documents);
  try {
    const page = await browserOn(0);
    await openLive(page, '/');
    const counts = ['active_sessions', 'sessions_today', 'clients', 'open_payments', 'failed_payments'] as const;
    for (const name of counts) {
      // The demo's simulation may write in between.
      await expect(async () => {
        await openLive(page, '/');
        const shown = Number((await figure(page, name).innerText()).replace(/\D/g, ''));
        expect(shown, name).toBeGreaterThan(0);
        await page.locator(`.card[data-figure="${name}"] h2 a`).click();
        await expect(head(page)).toHaveText(matching(shown), { timeout: 2000 });
      }).toPass();
    }
    await openLive(page, '/');
    const day = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
    expect(await behind(page, 'live_power')).toBe('/sessions?status=ACTIVE');
    expect(await behind(page, 'energy_today')).toMatch(new RegExp(`^/sessions\\?status=COMPLETED&ended=${day}$`));
    expect(await behind(page, 'revenue_today')).toMatch(
      new RegExp(`^/payments\\?status=CAPTURED,DISPUTED,PARTIALLY_REFUNDED,REFUNDED&captured=${day}(&currency=[A-Z]{3})?$`),
    );
    // The list behind the energy holds exactly the sessions that were completed today.
    const energy = (await behind(page, 'energy_today')).replace('/sessions', '/api/v1/snapshot/charging_sessions');
    await expect(async () => {
      const list = await (await page.request.get(energy)).json();
      const [from, to] = list.selection.ended.split('/').map((at: string) => new Date(at));
      const completed = { status: 'COMPLETED', end_date_time: { $gte: from, $lt: to } };
      expect(list.total).toBe(await db.collection('charging_sessions').countDocuments(completed));
    }).toPass();
  } finally {
    for (const [topic, documents] of Object.entries(mine)) await db.collection(topic).deleteMany({ _id: { $in: documents.map(({ _id }) => _id) } });
  }
});

test('the split of EVSEs leads to the stations that have one', async ({ browserOn, db }) => {
  const broken = station();
  broken.evses[0].status = 'OUTOFORDER';
  const stations = db.collection('stations');
  await stations.insertOne(broken);
  try {
    const page = await browserOn(0);
    await openLive(page, '/');
    await split(page).getByRole('link', { name: /Out of order/ }).click();
    await expect(page).toHaveURL(/\/stations\?evse=OUTOFORDER$/);
    await page.mouse.move(0, 0); // a list under the pointer holds still
    await expect(row(page, 'stations', id(broken))).toBeVisible();
    // An offline station's EVSEs are not known to be broken.
    await stations.updateOne({ _id: broken._id }, { $set: { connection: 'OFFLINE' } });
    await expect(row(page, 'stations', id(broken))).toHaveCount(0);
    await choice(page, 'Unknown').click();
    await expect(row(page, 'stations', id(broken))).toBeVisible();
    await stations.updateOne({ _id: broken._id }, { $set: { connection: 'ONLINE' } });
    await expect(row(page, 'stations', id(broken))).toHaveCount(0);
  } finally {
    await stations.deleteOne({ _id: broken._id });
  }
});

test('on a phone choices and chips stay within the page', async ({ browserOn }) => {
  const page = await browserOn(0, { viewport: { width: 390, height: 844 } });
  const day = '2018-06-14T23:00:00Z/2018-06-15T23:00:00Z';
  for (const path of [
    `${LIST.payments}?status=CAPTURED,REFUNDED,DISPUTED,PARTIALLY_REFUNDED&captured=${day}&currency=GBP&method=CARD&client=${'C'.repeat(100)}`,
    `${LIST.charging_sessions}?slot=4.14@Europe/London&ended=${day}`,
    `${LIST.stations}?evse=OUTOFORDER&city=Dundee`,
  ]) {
    await openLive(page, path);
    await expect(chips(page)).toBeVisible();
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wider, path).toBeLessThanOrEqual(0);
  }
});
