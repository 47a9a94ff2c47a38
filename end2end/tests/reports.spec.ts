// Reports: equal to the database's own sums, true without a reload, the same as a file, and usable without scripts.
import { readFileSync } from 'node:fs';
import type { Locator, Page } from '@playwright/test';
import type { Db } from 'mongodb';
import { expect, test } from '../fixtures.ts';
import { payment, session, unique } from '../documents.ts';
import { openLive } from '../page.ts';

const REVENUE = ['CAPTURED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'DISPUTED'];
// Days that nothing else writes to.
const FROM = new Date('2001-06-01T00:00:00Z');
const TO = new Date('2001-06-08T00:00:00Z');
const WEEK = 'from=2001-06-01&to=2001-06-07&zone=UTC';
const at = (hours: number): Date => new Date(FROM.getTime() + hours * 3_600_000);

const report = (page: Page, by: string) => page.locator(`table[data-report="${by}"]`);
const cell = (page: Page, by: string, id: string, field: string) =>
  report(page, by).locator(`tbody tr[data-id="${id}"] td[data-field="${field}"]`);
const total = (page: Page, by: string, field: string) => report(page, by).locator(`tfoot td[data-field="${field}"]`);

/** A figure as pages write it. */
const figure = (value: number, digits: number): string =>
  value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace('-', '\u2212');

/** Sessions of two stations and payments of two currencies, and what must go again. */
async function fill(db: Db) {
  const [a, b] = [unique('RS'), unique('RS')];
  const client = unique('=RC');
  const of = (station_id: string, hours: number, energy_wh: number | undefined) => {
    const { energy_wh: _, ...rest } = session({ station_id, client_id: client, status: 'COMPLETED', start_date_time: at(hours - 1), end_date_time: at(hours) });
    return energy_wh === undefined ? rest : { ...rest, energy_wh };
  };
  const sessions = [of(a, 0, 12_345), of(a, 30, undefined), of(b, 31, 1_000), of(b, 168, 9_999)];
  const paid = (hours: number, currency: string, captured_minor: number, over = {}) =>
    payment({ session_id: sessions[0]!.session_id, client_id: client, status: 'CAPTURED', captured_at: at(hours), currency, captured_minor, ...over });
  const payments = [
    paid(1, 'GBP', 1_234, { fee_minor: 34 }),
    paid(2, 'GBP', 500, { status: 'REFUNDED', refunded_minor: 600 }),
    paid(3, 'EUR', 700),
    paid(168, 'GBP', 99_999),
  ];
  await db.collection('charging_sessions').insertMany(sessions as never[]);
  await db.collection('payments').insertMany(payments as never[]);
  const clear = async () => {
    await db.collection('charging_sessions').deleteMany({ client_id: client });
    await db.collection('payments').deleteMany({ client_id: client });
  };
  return { a, b, client, sessions, payments, clear };
}

async function recount(db: Db) {
  const [sessions] = await db.collection('charging_sessions').aggregate([
    { $match: { status: 'COMPLETED', end_date_time: { $gte: FROM, $lt: TO } } },
    { $group: { _id: null, sessions: { $sum: 1 }, energy: { $sum: '$energy_wh' } } },
  ]).toArray();
  const money = await db.collection('payments').aggregate([
    { $match: { status: { $in: REVENUE }, captured_at: { $gte: FROM, $lt: TO } } },
    { $group: { _id: '$currency', revenue: { $sum: { $subtract: ['$captured_minor', '$refunded_minor'] } } } },
  ]).toArray();
  return { ...sessions!, money } as { sessions: number; energy: number; money: { _id: string; revenue: number }[] };
}

async function equalsDatabase(page: Page, by: string, db: Db): Promise<void> {
  const { sessions, energy, money } = await recount(db);
  await expect(total(page, by, 'sessions')).toHaveText(figure(Number(sessions), 0));
  await expect(total(page, by, 'energy')).toHaveText(figure(Number(energy) / 1000, 3));
  for (const { _id, revenue } of money) {
    await expect(total(page, by, `revenue.${_id}`)).toHaveText(figure(Number(revenue) / 100, 2));
  }
}

test('a report equals the database and follows it without a reload', async ({ browserOn, db }) => {
  const { a, b, sessions, payments, clear } = await fill(db);
  try {
    const page = await browserOn(0);
    await expect(async () => {
      await openLive(page, `/reports?${WEEK}&by=station`);
      await expect(total(page, 'station', 'sessions')).toHaveText('3', { timeout: 2000 });
    }).toPass();
    await page.evaluate(() => ((window as any).neverReloaded = true));
    await equalsDatabase(page, 'station', db);
    await expect(cell(page, 'station', a, 'energy')).toHaveText('12.345');
    await expect(cell(page, 'station', a, 'without_energy')).toHaveText('1');
    await expect(cell(page, 'station', b, 'energy')).toHaveText('1.000');
    // What is not known is not zero.
    await expect(total(page, 'station', 'fees.GBP')).toHaveText('0.34');
    await expect(total(page, 'station', 'fees_missing.GBP')).toHaveText('1');
    await expect(total(page, 'station', 'fees.EUR')).toContainText('not known');
    await expect(total(page, 'station', 'revenue.GBP')).toHaveText('11.34');

    await db.collection('payments').updateOne({ _id: payments[0]!._id }, { $set: { status: 'PARTIALLY_REFUNDED', refunded_minor: 34 } });
    await expect(total(page, 'station', 'revenue.GBP')).toHaveText('11.00');
    await db.collection('charging_sessions').updateOne({ _id: sessions[2]!._id }, { $set: { energy_wh: 2_000 } });
    await expect(cell(page, 'station', b, 'energy')).toHaveText('2.000');
    await equalsDatabase(page, 'station', db);

    // Another choice by a link; the rows still add up.
    await page.getByRole('navigation', { name: 'Group by' }).getByRole('link', { name: 'Day' }).click();
    await expect(report(page, 'day').locator('tbody tr')).toHaveCount(7);
    await equalsDatabase(page, 'day', db);
    await page.getByRole('link', { name: 'Sessions', exact: true }).last().click();
    await expect(page).toHaveURL(/sort=-sessions/);
    await expect(report(page, 'day').locator('th[aria-sort="descending"]')).toHaveText('Sessions');
    await expect(report(page, 'day').locator('tbody tr').first()).toHaveAttribute('data-id', '2001-06-02');
    expect(await page.evaluate(() => (window as any).neverReloaded)).toBe(true);
  } finally {
    await clear();
  }
});

test('a report that is still being read says so, and comes by itself', async ({ browserOn, db }) => {
  const { a, clear } = await fill(db);
  try {
    const page = await browserOn(0);
    await openLive(page, `/reports?${WEEK}&by=day`);
    let [reading, asked] = [true, 0];
    await page.route('**/api/page/load*', async (route) => {
      if (!reading || !(route.request().postData() ?? '').includes('"Report"')) return route.continue();
      asked += 1;
      await route.fulfill({ body: 'null', contentType: 'application/json' });
    });
    await page.getByRole('navigation', { name: 'Group by' }).getByRole('link', { name: 'Station' }).click();
    const told = page.locator('.note-line').filter({ hasText: 'ChargeDeck is still reading every session and payment' });
    await expect(told.getByRole('link', { name: 'Show by month' })).toHaveAttribute('href', /by=month/);
    await expect.poll(() => asked, 'the page asks again').toBeGreaterThan(1);
    await expect(told).toBeVisible();
    reading = false;
    await expect(cell(page, 'station', a, 'energy')).toHaveText('12.345');
    await expect(told).toBeHidden();
  } finally {
    await clear();
  }
});

test('the file holds what the screen shows, and no formula', async ({ browserOn, db }) => {
  const { client, clear } = await fill(db);
  try {
    const page = await browserOn(0);
    await expect(async () => {
      await openLive(page, `/reports?${WEEK}&by=client`);
      await expect(total(page, 'client', 'sessions')).toHaveText('3', { timeout: 2000 });
    }).toPass();
    const coming = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download CSV' }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toBe('chargedeck-report-by-client-2001-06-01-to-2001-06-07.csv');
    const text = readFileSync(await download.path(), 'utf8');
    expect(text.charCodeAt(0)).toBe(0xfeff);
    const records = parse(text.slice(1));
    expect(new Set(records.map((record) => record.length)).size, 'all records have as many fields').toBe(1);
    const said = (name: string) => records.find(([first]) => first === name)?.[1];
    expect(said('Time zone')).toBe('UTC');
    expect(said('Period in UTC')).toBe('2001-06-01T00:00:00Z/2001-06-08T00:00:00Z');
    expect(said('Rows')).toBe('1');

    const header = records.findIndex(([first]) => first === 'Client');
    const table = records.slice(header);
    expect(table[0]!.slice(2)).toEqual(await report(page, 'client').locator('thead th').allInnerTexts().then((all) => all.slice(1).map((head) => head.replace(/ [↑↓]$/, ''))));
    expect(table[1]![0], 'a name that is a formula is defused').toBe(`'${client}`);
    const shown = async (row: Locator) =>
      (await row.locator('td.number').allInnerTexts()).map((cell) => cell.replace(/[,\n]|not known|—/g, '').replace('\u2212', '-').trim());
    expect(table[1]!.slice(2)).toEqual(await shown(report(page, 'client').locator('tbody tr')));
    expect(table[2]!.slice(2)).toEqual(await shown(report(page, 'client').locator('tfoot tr')));
    expect(table[2]![0]).toBe('Total');
  } finally {
    await clear();
  }
});

test('without JavaScript a report is chosen, shown, and what was typed stays', async ({ browserOn, complaints, db }) => {
  complaints.allow(/status of 400/);
  const { a, clear } = await fill(db);
  try {
    const page = await browserOn(0, { javaScriptEnabled: false });
    await page.goto('/reports');
    await page.getByRole('navigation', { name: 'Group by' }).getByRole('link', { name: 'Station' }).click();
    await page.getByLabel('From').fill('2001-06-01');
    await page.getByLabel('To', { exact: true }).fill('2001-06-07');
    await page.getByLabel('Time zone').fill('UTC');
    await page.getByRole('button', { name: 'Show' }).click();
    await expect(cell(page, 'station', a, 'energy')).toHaveText('12.345');
    await equalsDatabase(page, 'station', db);

    await page.getByLabel('Time zone').fill('Mars/Base');
    await page.getByRole('button', { name: 'Show' }).click();
    await expect(page.getByRole('alert')).toContainText('No time zone is called “Mars/Base”');
    await expect(page.getByLabel('From')).toHaveValue('2001-06-01');
    await expect(page.getByLabel('Time zone')).toHaveValue('Mars/Base');
  } finally {
    await clear();
  }
});

test('a report is sorted by amounts of a currency or not at all', async ({ browserOn, complaints }) => {
  // Chromium's own words for the document's status.
  complaints.allow(/status of 400/);
  const page = await browserOn(0);
  const query = `${WEEK}&by=station&sort=-revenue.pounds`;
  await openLive(page, `/reports?${query}`);
  await expect(page.getByRole('alert')).toContainText('Reports cannot be sorted by “revenue.pounds”.');
  const refused = await page.request.get(`/api/v1/report?${query}`);
  expect([refused.status(), (await refused.json()).code]).toEqual([400, 'bad_query']);
});

/** RFC 4180, read by itself. */
function parse(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  const fields = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r\n)/gy;
  for (let found = fields.exec(text); found; found = fields.exec(text)) {
    const [, field, end] = found;
    record.push(field!.startsWith('"') ? field!.slice(1, -1).replaceAll('""', '"') : field!);
    if (end === '\r\n') {
      records.push(record);
      record = [];
    }
    if (fields.lastIndex === text.length) break;
  }
  return records;
}
