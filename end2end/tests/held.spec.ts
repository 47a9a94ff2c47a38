// Someone reads in a list, a feed or a report: it stays where it is, by pointer, scroll, keyboard and touch, and tells what
// waits. A row is marked for what a person sees change, and for nothing else.
import type { Locator, Page } from '@playwright/test';
import { SERVER_AWAY, expect, test } from '../fixtures.ts';
import { client, payment, session, station, unique } from '../documents.ts';
import { LIST, cell, connection, live, openLive, row, rows } from '../page.ts';

const news = (page: Page): Locator => page.locator('.list-head button');
const top = async (of: Locator): Promise<number> => (await of.boundingBox())!.y;
const id = ({ _id }: { _id: unknown }): string => String(_id);
const past = (ms: number): Date => new Date(Date.now() - ms);

test('only what is deleted is struck through, and what waits is counted by what it is', async ({ browserOn, db }) => {
  const payments = db.collection('payments');
  const [name, other] = [unique('C-held'), unique('C-other')];
  const mine = Array.from({ length: 6 }, (_, n) => payment({ client_id: name, created_at: past(n * 60_000) }));
  const later = Array.from({ length: 3 }, () => payment({ client_id: name }));
  await payments.insertMany(mine);
  try {
    const page = await browserOn(0);
    await openLive(page, `${LIST.payments}?client=${name}`);
    await expect(rows(page, 'payments')).toHaveCount(6);
    await expect(news(page)).toBeHidden();
    const at = (n: number): Locator => row(page, 'payments', id(mine[n]!));
    await at(5).hover();
    const before = await top(at(5));
    await payments.insertMany(later);
    await payments.updateOne({ _id: mine[1]!._id }, { $set: { client_id: other } });
    await payments.deleteOne({ _id: mine[2]!._id });
    await payments.updateOne({ _id: mine[3]!._id }, { $set: { created_at: past(3_600_000) } });
    await expect(news(page)).toHaveText('3 new, 1 left, 1 deleted, 1 moved');
    await expect(rows(page, 'payments')).toHaveCount(6);
    expect(await top(at(5))).toBe(before);
    const struck = await rows(page, 'payments').evaluateAll((all) =>
      all.filter((tr) => getComputedStyle(tr).textDecorationLine !== 'none').map((tr) => (tr as HTMLElement).dataset.id));
    expect(struck).toEqual([id(mine[2]!)]);
    await expect(at(0).locator('.fate')).toHaveCount(0);
    await expect(at(1)).toContainText('no longer in this list');
    await expect(cell(at(1), 'client_id')).toHaveText(other);
    await payments.updateOne({ _id: mine[1]!._id }, { $set: { payment_id: unique('pay-after') } });
    await expect(cell(at(1), 'payment_id')).toHaveText(/^pay-after/);
    await expect(at(2)).toContainText('deleted');
    await expect(at(3)).toContainText('now elsewhere in the list');

    await news(page).click();
    await expect(rows(page, 'payments')).toHaveCount(7);
    await expect(rows(page, 'payments').last()).toHaveAttribute('data-id', id(mine[3]!));
    await expect(page.locator('.fate')).toHaveCount(0);
    await expect(news(page)).toBeHidden();
  } finally {
    await payments.deleteMany({ _id: { $in: [...mine, ...later].map(({ _id }) => _id) } });
  }
});

for (const [how, options, read] of [
  ['scrolled to, with the pointer elsewhere', { viewport: { width: 1000, height: 500 } }, async (page: Page) => {
    await page.mouse.move(1, 1);
    await page.evaluate(() => scrollTo(0, 400));
  }],
  ['scrolled to by keyboard', { viewport: { width: 1000, height: 500 } }, async (page: Page) => {
    await page.keyboard.press('PageDown');
    await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(100);
    await page.waitForFunction(() => new Promise((done) => {
      const from = scrollY;
      setTimeout(() => done(scrollY === from), 150);
    }));
  }],
  ['on a phone', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, async (page: Page, change: () => Promise<unknown>) => {
    // From the first change on that was seen, what comes is news; until then it may be catching up.
    await change();
    await expect(rows(page, 'clients').filter({ hasText: 'Read by now' })).toHaveCount(1);
  }],
] as const) {
  test(`new rows move no row that is read: ${how}`, async ({ browserOn, db }) => {
    const clients = db.collection('clients');
    const company = unique('held');
    const many = Array.from({ length: 60 }, (_, n) => client({ company, status: 'LOCKED', created_at: past(n * 1000) }));
    await clients.insertMany(many);
    try {
      const page = await browserOn(0, options);
      await openLive(page, `${LIST.clients}?status=LOCKED`);
      await expect(rows(page, 'clients')).toHaveCount(50);
      await read(page, () => clients.updateOne({ _id: many[0]!._id }, { $set: { name: 'Read by now' } }));
      const shown = await rows(page, 'clients').evaluateAll((all) =>
        all.map((tr) => tr.getBoundingClientRect().top).findIndex((y) => y > 250));
      const one = rows(page, 'clients').nth(shown);
      const [key, before] = [await one.getAttribute('data-id'), await top(one)];
      const later = Array.from({ length: 3 }, () => client({ company, status: 'LOCKED', created_at: new Date(Date.now() + 1000) }));
      await clients.insertMany(later);
      await expect(news(page)).toHaveText('3 new');
      await expect(news(page)).toBeInViewport();
      expect(await top(row(page, 'clients', key!))).toBe(before);
      await expect(page.locator('tr.gone')).toHaveCount(0);
      await expect(page.locator('tr.left')).toHaveText(Array.from({ length: 3 }, () => /now further down$/));

      await news(page).click();
      await expect(row(page, 'clients', id(later[0]!))).toBeVisible();
      await expect(rows(page, 'clients')).toHaveCount(50);
    } finally {
      await clients.deleteMany({ company });
    }
  });
}

test('a row is marked for what a person sees change, never for a heartbeat or what was caught up', async ({ browserOn, db, complaints }) => {
  complaints.allow(...SERVER_AWAY);
  const stations = db.collection('stations');
  const mine = station({ name: unique('AA Marked') });
  await stations.insertOne(mine);
  try {
    const page = await browserOn(0);
    await openLive(page, LIST.stations);
    const one = row(page, 'stations', id(mine));
    await expect(one).toBeVisible();
    await stations.updateOne({ _id: mine._id }, { $set: { last_heartbeat_at: past(450_000), last_updated: new Date() } });
    await expect(cell(one, 'last_heartbeat_at')).toContainText('7 min');
    await expect(one).not.toHaveClass(/changed/);

    // Offline is told at once, and what happened meanwhile is no news.
    await page.context().setOffline(true);
    await expect(connection(page)).toHaveAttribute('data-connection', 'offline', { timeout: 1000 });
    await stations.updateOne({ _id: mine._id }, { $set: { city: 'Perth' } });
    await page.context().setOffline(false);
    await live(page);
    await expect(cell(one, 'city')).toHaveText('Perth');
    await expect(one).not.toHaveClass(/changed/);

    await stations.updateOne({ _id: mine._id }, { $set: { city: 'Forfar' } });
    await expect(cell(one, 'city')).toHaveText('Forfar');
    await expect(one).toHaveClass(/changed/);
  } finally {
    await stations.deleteOne({ _id: mine._id });
  }
});

for (const path of ['/', '/activity']) {
  test(`a feed marks what arrives, never what was loaded or caught up: ${path}`, async ({ browserOn, db, complaints }) => {
    complaints.allow(...SERVER_AWAY);
    const payments = db.collection('payments');
    const mine = Array.from({ length: 4 }, () => payment({ status: 'FAILED', captured_at: new Date() }));
    const page = await browserOn(0);
    await page.addInitScript(() => {
      const begun: string[] = ((window as any).begun = []);
      addEventListener('animationstart', ({ target, animationName }) => {
        if (/^(mark|fade)-/.test(animationName)) begun.push((target as HTMLElement).dataset.id ?? '');
      }, true);
    });
    const begun = (): Promise<string[]> => page.evaluate(() => [...(window as any).begun]);
    const first = page.locator('.feed li').first();
    const comes = async (n: number) => {
      await payments.insertOne(mine[n]!);
      await expect(first).toHaveAttribute('data-id', id(mine[n]!));
    };
    try {
      await openLive(page, path);
      await comes(0);
      // What comes with the answer to the first subscription is caught up; later ones are news.
      await comes(1);
      await expect.poll(begun).toContain(id(mine[1]!));

      await page.context().setOffline(true);
      await expect(connection(page)).toHaveAttribute('data-connection', 'offline', { timeout: 1000 });
      await payments.insertOne(mine[2]!);
      await page.context().setOffline(false);
      await live(page);
      await expect(first).toHaveAttribute('data-id', id(mine[2]!));
      await expect(first).not.toHaveClass(/odd|even/);
      expect(await begun()).not.toContain(id(mine[2]!));

      await comes(3);
      await expect.poll(begun).toContain(id(mine[3]!));
    } finally {
      await payments.deleteMany({ _id: { $in: mine.map(({ _id }) => _id) } });
    }
  });
}

const DESK = { viewport: { width: 1280, height: 1600 } };
const fresh = (page: Page): Locator => page.locator('button.fresh');

for (const [path, name] of [['/', 'latest'], ['/activity?of=payments', 'activity']] as const) {
  test(`a feed that is read stays where it is, and tells what waits: ${path}`, async ({ browserOn, db }) => {
    const payments = db.collection('payments');
    const mine = Array.from({ length: 4 }, () => payment({ status: 'FAILED', captured_at: new Date() }));
    const page = await browserOn(0, DESK);
    const line = (n: number): Locator => page.locator(`[data-feed=${name}] li`).nth(n);
    const shows = (n: number, at = 0) => expect(line(at)).toHaveAttribute('data-id', id(mine[n]!));
    const comes = (n: number) => payments.insertOne(mine[n]!);
    try {
      await openLive(page, path);
      await expect(fresh(page)).toBeHidden();
      await comes(0);
      await shows(0);
      await line(0).hover();
      const before = await top(line(0));
      await comes(1);
      await expect(fresh(page)).toHaveText('1 new');
      await comes(2);
      await expect(fresh(page)).toHaveText('2 new');
      await shows(0);
      expect(await top(line(0))).toBe(before);

      // What waits is shown on request, and the next waits again: the pointer is still there.
      await fresh(page).click();
      await shows(2);
      await shows(1, 1);
      await expect(fresh(page)).toBeHidden();
      await line(0).hover();
      await comes(3);
      await expect(fresh(page)).toHaveText('1 new');
      await shows(2);

      // Whoever has read on sees it go on.
      await page.mouse.move(1, 1);
      await page.evaluate(() => scrollTo(0, 0));
      await shows(3);
      await expect(fresh(page)).toBeHidden();
    } finally {
      await payments.deleteMany({ _id: { $in: mine.map(({ _id }) => _id) } });
    }
  });
}

test('a feed that is scrolled stays where it is while older events join it', async ({ browserOn, db, events }) => {
  const clients = db.collection('clients');
  const company = unique('read');
  const many = Array.from({ length: 120 }, (_, n) => client({ company, name: `Read ${n}` }));
  const later = client({ company, name: 'Read later' });
  await clients.insertMany(many);
  await expect.poll(() => events.countDocuments({ op: 'insert', 'news.label': /^Read \d/ })).toBe(many.length);
  try {
    const page = await browserOn(0);
    const lines = page.locator('[data-feed=activity] li[data-id]:not([data-id=""])');
    await openLive(page, '/activity?of=clients');
    await expect(lines.first()).toContainText('Read 119');
    await page.mouse.move(1, 1);
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await expect(lines).toHaveCount(100);
    const before = await top(lines.nth(45));
    await clients.insertOne(later);
    await expect(fresh(page)).toHaveText('1 new');
    await expect(fresh(page)).toBeInViewport();
    await expect(lines.first()).toContainText('Read 119');
    expect(await top(lines.nth(45))).toBe(before);

    await page.evaluate(() => scrollTo(0, 0));
    await expect(lines.first()).toContainText('Read later');
  } finally {
    await clients.deleteMany({ company });
  }
});

test('a report that is read keeps its rows where they are, and tells that there is a newer one', async ({ browserOn, db }) => {
  const sessions = db.collection('charging_sessions');
  const [a, b, client_id] = [unique('RH-a'), unique('RH-b'), unique('RH')];
  // A day that nothing else writes to.
  const at = (hour: number): Date => new Date(Date.UTC(2002, 5, 3, hour));
  const of = (station_id: string, hour: number) =>
    session({ client_id, station_id, status: 'COMPLETED', start_date_time: at(hour), end_date_time: at(hour + 1), energy_wh: 1000 });
  const [known, more] = [[of(a, 1), of(a, 2), of(b, 3)], [of(b, 4), of(b, 5)]];
  await sessions.insertMany(known);
  try {
    const page = await browserOn(0, DESK);
    const table = page.locator('table[data-report=station]');
    const line = (station: string): Locator => table.locator(`tbody tr[data-id="${station}"]`);
    const order = () => table.locator('tbody tr').evaluateAll((all) => all.map((tr) => (tr as HTMLElement).dataset.id));
    await expect(async () => {
      await openLive(page, '/reports?from=2002-06-03&to=2002-06-03&zone=UTC&by=station&sort=-sessions');
      expect(await order()).toEqual([a, b]);
    }).toPass();
    await line(a).hover();
    const before = await top(line(a));
    await sessions.insertMany(more);
    await expect(fresh(page)).toHaveText('Show the newer report');
    expect(await order()).toEqual([a, b]);
    expect(await top(line(a))).toBe(before);

    await fresh(page).click();
    await expect.poll(order).toEqual([b, a]);
    await expect(fresh(page)).toBeHidden();

    // Figures that move no row are shown at once.
    await line(a).hover();
    await sessions.updateOne({ _id: known[0]!._id }, { $set: { energy_wh: 3000 } });
    await expect(cell(line(a), 'energy')).toHaveText('4.000');
    await expect(fresh(page)).toBeHidden();

    // Whoever has read on sees the rows where they belong.
    await sessions.deleteMany({ _id: { $in: more.map(({ _id }) => _id) } });
    await expect(fresh(page)).toBeVisible();
    await page.mouse.move(1, 1);
    await page.evaluate(() => scrollTo(0, 0));
    await expect.poll(order).toEqual([a, b]);
  } finally {
    await sessions.deleteMany({ client_id });
  }
});
