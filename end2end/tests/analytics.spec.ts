// Analytics: charts of a period equal the database, move live without being drawn anew, keep their zoom, and lead to lists.
import type { Locator, Page } from '@playwright/test';
import { expect, test } from '../fixtures.ts';
import { payment, session } from '../documents.ts';
import { connection, live, openLive, rows } from '../page.ts';

const chart = (page: Page, name: string): Locator => page.locator(`[data-chart="${name}"]`);
/** As a figure that stands alone: tenths only below 1,000 kWh. */
const kWh = (wh: number): string => (wh / 1000).toFixed(wh < 1_000_000 ? 1 : 0).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
/** The sum of a table's second column, in its own unit. What a cell says behind its number is no part of it. */
const sum = (of: Locator): Promise<number> =>
  of.locator('tbody tr td:nth-child(2)').evaluateAll((cells) =>
    cells.reduce((all, cell) => all + Number(/[\d.,]*\d/.exec(cell.textContent ?? '')?.[0].replaceAll(',', '') ?? 0), 0),
  );

test('charts say what the database has, and follow it without being drawn anew', async ({ browserOn, db }) => {
  const page = await browserOn(0);
  await openLive(page, '/analytics?last=1d');
  for (const name of ['energy', 'sessions', 'revenue', 'power', 'evses', 'payments', 'week']) {
    await expect(chart(page, name).locator('canvas').first(), name).toBeVisible();
  }
  await page.locator('canvas').evaluateAll((all) => all.forEach((canvas: any, i) => (canvas.mark = i)));

  const energy = async () => {
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    const [of] = await db
      .collection('charging_sessions')
      .aggregate([{ $match: { status: 'COMPLETED', end_date_time: { $gte: midnight } } }, { $group: { _id: null, wh: { $sum: '$energy_wh' } } }])
      .toArray();
    return (of?.wh ?? 0) as number;
  };
  const sentence = chart(page, 'energy').locator('.sentence');
  await expect(sentence).toContainText(`${kWh(await energy())}\u00a0kWh`);
  const now = new Date();
  const ended = session({ status: 'COMPLETED', start_date_time: now, end_date_time: now, energy_wh: 4_321_000, power_w: 0 });
  const before = await sum(chart(page, 'energy'));
  await db.collection('charging_sessions').insertOne(ended);
  await expect.poll(() => sum(chart(page, 'energy'))).toBeCloseTo(before + 4321, 0);
  expect(await page.locator('canvas').evaluateAll((all) => all.every((canvas: any, i) => canvas.mark === i))).toBe(true);

  const failed = payment({ status: 'FAILED', failure_code: 'card_declined' });
  const count = () => chart(page, 'payments').locator('tr', { hasText: 'Failed' }).locator('td').nth(1).textContent();
  const was = Number((await count().catch(() => '0')) ?? 0);
  await db.collection('payments').insertOne(failed);
  await expect.poll(async () => Number(await count())).toBe(was + 1);

  await db.collection('charging_sessions').deleteOne({ _id: ended._id });
  await db.collection('payments').deleteOne({ _id: failed._id });
  await expect.poll(() => sum(chart(page, 'energy'))).toBeCloseTo(before, 0);
  await expect(connection(page)).toHaveAttribute('data-connection', 'live');
});

test('a number leads to the list of exactly what it counts', async ({ browserOn }) => {
  const page = await browserOn(0);
  await openLive(page, '/analytics?last=7d&by=day');
  const table = chart(page, 'sessions');
  await table.locator('summary').click();
  const line = table.locator('tbody tr').nth(2);
  const counted = (await line.locator('td').nth(1).textContent())!.trim();
  await line.getByRole('link').click();
  await expect(page).toHaveURL(/\/sessions\?started=/);
  await expect(rows(page, 'charging_sessions').first()).toBeVisible();
  await expect(page.locator('.list-head')).toContainText(counted);

  // The drawing itself leads there too.
  await openLive(page, '/analytics?last=7d&by=day');
  await expect(chart(page, 'sessions').locator('[data-state=drawn]')).toBeVisible();
  await chart(page, 'sessions').locator('canvas').first().click();
  await expect(page).toHaveURL(/\/sessions\?started=/);
});

test('a zoomed stretch stays when figures change, and the picture can be kept', async ({ browserOn, db }) => {
  const page = await browserOn(0);
  await openLive(page, '/analytics?last=28d&by=day');
  const sessions = chart(page, 'sessions');
  await expect(sessions.locator('[data-state=drawn]')).toBeVisible();
  const canvas = sessions.locator('canvas').first();
  await canvas.scrollIntoViewIfNeeded();
  const box = (await canvas.boundingBox())!;
  // Where the first day shown is; a click leads to its sessions.
  const first = { x: 75, y: box.height / 2 };
  const daysAgo = async (): Promise<number> => {
    await canvas.click({ position: first });
    await expect(page).toHaveURL(/\/sessions\?started=/);
    const from = new URL(page.url()).searchParams.get('started')!.split('/')[0]!;
    return (Date.now() - Date.parse(from)) / 86_400_000;
  };

  // About the right edge, so that the first day shown is a later one.
  await canvas.hover({ position: { x: box.width - 40, y: first.y } });
  await page.keyboard.down('Control');
  for (let notch = 0; notch < 5; notch++) await page.mouse.wheel(0, -240);
  await page.keyboard.up('Control');
  const before = await sum(sessions);
  const started = session();
  await db.collection('charging_sessions').insertOne(started);
  await expect.poll(() => sum(sessions)).toBe(before + 1);
  const download = page.waitForEvent('download');
  await sessions.getByRole('button', { name: 'PNG' }).click();
  expect((await download).suggestedFilename()).toMatch(/sessions.*\.png$/);
  expect(await daysAgo()).toBeLessThan(20);

  // Without the zoom the same place is four weeks ago.
  await openLive(page, '/analytics?last=28d&by=day');
  await expect(sessions.locator('[data-state=drawn]')).toBeVisible();
  expect(await daysAgo()).toBeGreaterThan(25);
  await db.collection('charging_sessions').deleteOne({ _id: started._id });
});

test('a period is chosen by links and by a form, which keeps what is wrong and says why', async ({ browserOn, complaints }) => {
  // A zone that only the server can tell is none is a bad request.
  complaints.allow(/status of 400/);
  const page = await browserOn(0);
  await openLive(page, '/analytics');
  await page.getByRole('link', { name: '28 days' }).click();
  await expect(page).toHaveURL(/last=28d/);
  await expect(chart(page, 'energy').locator('tbody tr')).toHaveCount(28);
  await page.getByRole('link', { name: 'Weeks', exact: true }).click();
  await expect(chart(page, 'energy').locator('tbody tr')).not.toHaveCount(28);
  await page.locator('input[name=from]').fill('2026-03-20');
  await page.locator('input[name=to]').fill('2026-03-01');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page.getByRole('alert')).toContainText('ends');
  await expect(page.locator('input[name=from]')).toHaveValue('2026-03-20');
  await page.locator('input[name=to]').fill('2026-03-29');
  await page.locator('input[name=zone]').fill('Mars/Base');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page.getByRole('alert')).toContainText('Mars/Base');
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  await page.locator('input[name=from]').fill(daysAgo(5));
  await page.locator('input[name=to]').fill(daysAgo(1));
  await page.locator('input[name=zone]').fill('Europe/Berlin');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(chart(page, 'week').locator('canvas').first()).toBeVisible();
});

test('what is typed before the page comes alive stays', async ({ browserOn }) => {
  const page = await browserOn(0);
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  await page.route('**/*.wasm', async (route) => {
    await arrived;
    await route.continue();
  });
  await page.goto('/analytics?from=2026-03-20&to=2026-03-01');
  await page.locator('input[name=to]').fill('2026-03-29');
  await page.locator('input[name=zone]').fill('Asia/Tokyo');
  arrive();
  await live(page);
  await expect(page.locator('input[name=to]')).toHaveValue('2026-03-29');
  await expect(page.locator('input[name=zone]')).toHaveValue('Asia/Tokyo');
  // What is chosen afterwards is what the fields say.
  await page.getByRole('link', { name: '7 days' }).click();
  await expect(page.locator('input[name=to]')).toHaveValue('');
});

test('without JavaScript the charts are sentences and tables', async ({ browserOn }) => {
  const page = await browserOn(0, { javaScriptEnabled: false });
  await page.goto('/analytics?last=7d');
  await expect(chart(page, 'energy').locator('.sentence')).toHaveText(/delivered/);
  await expect(chart(page, 'energy').locator('tbody tr')).toHaveCount(7);
});

test('a CSV holds what the chart shows', async ({ browserOn, stack }) => {
  const page = await browserOn(0);
  await openLive(page, '/analytics?last=7d&by=day');
  const href = (await chart(page, 'sessions').getByRole('link', { name: 'CSV' }).getAttribute('href'))!;
  const answer = await page.request.get(stack.urls[0] + href);
  expect(answer.headers()['content-type']).toContain('text/csv');
  const text = await answer.text();
  const counts = await chart(page, 'sessions').locator('tbody tr td:nth-child(2)').allTextContents();
  const lines = text.trimEnd().split('\r\n').slice(-counts.length);
  expect(lines.map((line) => line.split(',')[2])).toEqual(counts.map((count) => count.replace(/,/g, '')));
  for (const link of await page.getByRole('link', { name: 'CSV' }).all()) {
    const of = stack.urls[0] + (await link.getAttribute('href'))!;
    expect((await page.request.get(of)).status(), of).toBe(200);
  }
});

test('figures that wait for a count say of when they are', async ({ browserOn, db }) => {
  const images = (enabled: boolean) => db.command({ collMod: 'clients', changeStreamPreAndPostImages: { enabled } });
  const clients = db.collection<{ _id: string }>('clients');
  await clients.insertOne({ _id: 'counted', name: 'Counted', status: 'ACTIVE', created_at: new Date() } as never);
  await images(false);
  try {
    const pages = [await browserOn(0), await browserOn(0)];
    for (const [i, address] of ['/', '/analytics'].entries()) await openLive(pages[i]!, address);
    let n = 0;
    for (const page of pages) {
      const note = page.getByText(/^Figures counted at \d\d:\d\d/);
      await expect(async () => {
        await clients.updateOne({ _id: 'counted' }, { $set: { name: `Counted ${(n += 1)}` } });
        await expect(note).toBeVisible({ timeout: 300 });
      }).toPass({ timeout: 20_000 });
    }
    for (const page of pages) await expect(page.getByText(/^Figures counted at/)).toHaveCount(0, { timeout: 40_000 });
  } finally {
    await images(true);
    await clients.deleteOne({ _id: 'counted' });
  }
});

test('a saved picture says itself that money was derived, and the page does not change', async ({ browserOn, db }) => {
  const payments = db.collection('payments');
  const derived = payment({ status: 'CAPTURED', captured_minor: 1234, captured_at: new Date(Date.now() - 86_400_000), source: { derived: true } });
  const page = await browserOn(0);
  await page.addInitScript(() => {
    const drawn: string[] = ((window as any).drawn = []);
    const draw = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
      drawn.push(text);
      return draw.call(this, text, ...(rest as [number, number]));
    };
  });
  const revenue = page.locator('[data-chart^="revenue"]').first();
  const texts = (): Promise<string[]> => page.evaluate(() => (window as any).drawn.splice(0));
  const save = async (): Promise<string[]> => {
    await texts();
    const download = page.waitForEvent('download');
    await revenue.getByRole('button', { name: 'PNG' }).click();
    await download;
    return texts();
  };
  const says = /^derived: computed from a tariff/;
  await openLive(page, '/analytics?last=7d');
  await expect(revenue.locator('[data-state=drawn]')).toBeVisible();
  expect((await save()).filter((text) => says.test(text))).toEqual([]);
  await payments.insertOne(derived);
  try {
    await expect(revenue.locator('.badge').first()).toHaveText('derived');
    const saved = await save();
    expect(saved.filter((text) => says.test(text))).not.toEqual([]);
    // Drawn for the screen again, without it.
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(texts).not.toEqual([]);
    expect((await texts()).filter((text) => says.test(text))).toEqual([]);
  } finally {
    await payments.deleteOne({ _id: derived._id });
  }
});

test('a page that came by a link takes no values of an earlier time than those that it came with', async ({ browserOn }) => {
  const page = await browserOn(0);
  let [asked, delayed] = [0, 0];
  await page.routeWebSocket(/\/live$/, (ws) => {
    const server = ws.connectToServer();
    ws.onMessage((message) => {
      if (String(message).includes('"subscribe"') && String(message).includes('analytics?')) asked += 1;
      server.send(message);
    });
    server.onMessage((message) => {
      const isFirst = asked === 1 && /^{"d":\["analytics\?/.test(String(message));
      if (isFirst) delayed += 1;
      ws.send(isFirst ? String(message).replace(/"[0-9a-f]{16}"/, '"0000000000000001"') : message);
    });
  });
  await openLive(page, '/');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Analytics' }).click();
  await expect(chart(page, 'energy').locator('.sentence')).toContainText('kWh');
  await expect.poll(() => delayed).toBe(1);
  await expect.poll(() => asked, { message: 'asked anew' }).toBe(2);
  await live(page);
});

test('a page whose figures the server does not lead on says so and why, and goes on once it does', async ({ browserOn }) => {
  const page = await browserOn(0);
  let refused = true;
  await page.routeWebSocket(/\/live$/, (ws) => {
    const server = ws.connectToServer();
    ws.onMessage((message) => {
      const { type, rid, topics } = JSON.parse(String(message));
      const asked = type === 'subscribe' && topics.some((topic: string) => topic.startsWith('analytics?'));
      // What the server answers to an account that looks at too many boards.
      if (refused && asked) ws.send(JSON.stringify({ Error: [rid, 'too_many_boards', ''] }));
      else server.send(message);
    });
  });
  await page.goto('/analytics?last=7d&by=day');
  await expect(connection(page)).toHaveAttribute('data-connection', 'refused');
  await expect(connection(page).locator('span')).toHaveText('Not updating');
  const banner = page.locator('.banner').filter({ hasText: 'too many different pages open' });
  await expect(banner).toBeVisible();
  await expect(chart(page, 'energy').locator('.sentence')).not.toBeEmpty();
  refused = false;
  await live(page);
  await expect(banner).toBeHidden();
});
