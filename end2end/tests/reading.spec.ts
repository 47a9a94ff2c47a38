// What a screen or a sheet of paper tells can be read: nothing is cut for good, headings are those of the page, and every
// page prints.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, test } from '../fixtures.ts';
import { payment, session, unique } from '../documents.ts';
import { DOCUMENTS, LIST, PAGES, cell, figure, live, openLive, row, rows, table } from '../page.ts';
import { ROOT } from '../parts.ts';

const place = (page: Page, path: string): Locator => page.locator(`.nav a[href="${path}"]`);
/** The texts of a row of which a part is not to be seen. */
const cut = (of: Locator): Promise<string[]> =>
  of.locator('.text, .cut > span').evaluateAll((texts) =>
    texts
      .filter((text) => text.checkVisibility() && getComputedStyle(text).overflowX !== 'visible')
      .filter((text) => text.scrollWidth > text.clientWidth)
      .map((text) => text.textContent!),
  );

test('what a list cuts is whole where one points, stands or taps, and payments say who paid', async ({ browserOn, db }) => {
  const name = unique('C-0b87a3c4-5b0e-4b43-9ad1-f3b1c2d4e5f6');
  const long = payment({ client_id: name, payment_id: unique('pay_0b87a3c4-5b0e-4b43-9ad1-f3b1c2d4e5f6'), created_at: new Date() });
  await db.collection('payments').insertOne(long);
  try {
    const desk = await browserOn(0, { viewport: { width: 1280, height: 800 } });
    await openLive(desk, `${LIST.payments}?client=${name}`);
    await desk.evaluate(() => document.fonts.ready);
    const line = row(desk, 'payments', String(long._id));
    const id = cell(line, 'payment_id');
    await expect(cell(line, 'client_id')).toBeInViewport();
    await expect(cell(line, 'client_id')).toHaveText(name);
    expect(await cut(line), 'the ids are long').not.toEqual([]);
    // Its end is there, only the middle goes.
    const [end, box] = await id.locator('.cut').evaluate((of) => {
      const range = document.createRange();
      range.selectNode(of.lastChild!);
      return [range.getBoundingClientRect().right, of.closest('td')!.getBoundingClientRect().right];
    });
    expect(end).toBeLessThanOrEqual(box);

    await id.hover();
    await expect.poll(() => cut(id)).toEqual([]);
    await desk.mouse.move(0, 0);
    await expect.poll(() => cut(id)).not.toEqual([]);
    // By keyboard alone, from the last link before the list.
    await desk.locator('.chips a').last().focus();
    await expect(async () => {
      await desk.keyboard.press('Tab');
      await expect(line).toBeFocused({ timeout: 200 });
    }).toPass();
    expect(await cut(line)).toEqual([]);

    const phone = await browserOn(0, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    await openLive(phone, `${LIST.payments}?client=${name}`);
    const card = row(phone, 'payments', String(long._id));
    for (const field of ['client_id', 'payment_id', 'status', 'amount_minor', 'created_at']) {
      await expect(cell(card, field), field).toBeVisible();
    }
    await card.tap();
    await expect.poll(() => cut(card)).toEqual([]);
    expect(await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  } finally {
    await db.collection('payments').deleteOne({ _id: long._id });
  }
});

for (const [how, options] of [
  ['on a small desk', { viewport: { width: 1280, height: 800 } }],
  ['on a phone', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
] as const) {
  test(`sessions say who charged ${how}, and nothing is scrolled sideways`, async ({ browserOn }) => {
    const page = await browserOn(0, options);
    await openLive(page, LIST.charging_sessions);
    const list = table(page, 'charging_sessions');
    await expect(cell(rows(page, 'charging_sessions').first(), 'client_id')).toBeInViewport();
    await expect(cell(rows(page, 'charging_sessions').first(), 'client_id')).toHaveText(/\S/);
    for (const of of [list, page.locator('html')]) {
      expect(await of.evaluate((of) => of.scrollWidth - of.clientWidth)).toBeLessThanOrEqual(0);
    }
  });
}

test('Tab stops once at a list; arrows, Home and End lead through it, and it stays still meanwhile', async ({ browserOn, db }) => {
  const payments = db.collection('payments');
  const name = unique('C-keys');
  const mine = Array.from({ length: 30 }, (_, n) => payment({ client_id: name, created_at: new Date(Date.now() - n * 60_000) }));
  const later = payment({ client_id: name, created_at: new Date() });
  await payments.insertMany(mine);
  try {
    const page = await browserOn(0, { viewport: { width: 1280, height: 600 } });
    await openLive(page, `${LIST.payments}?client=${name}`);
    await expect(rows(page, 'payments')).toHaveCount(30);
    const at = (n: number): Locator => row(page, 'payments', String(mine[n]!._id));
    const stops = table(page, 'payments').locator('[tabindex="0"]');
    await expect(stops).toHaveCount(1);
    await page.locator('.chips a').last().focus();
    await page.keyboard.press('Tab');
    await expect(at(0)).toBeFocused();
    for (const [key, n] of [['ArrowDown', 1], ['ArrowDown', 2], ['ArrowUp', 1], ['End', 29], ['ArrowDown', 29], ['Home', 0], ['ArrowUp', 0], ['End', 29], ['ArrowUp', 28]] as const) {
      await page.keyboard.press(key);
      await expect(at(n), key).toBeFocused();
      // Below the heads, which stay in sight.
      const hidden = await at(n).evaluate((tr) => {
        const { left, top } = tr.getBoundingClientRect();
        return !tr.contains(document.elementFromPoint(left + 20, top + 5));
      });
      expect(hidden, key).toBe(false);
    }
    await expect(stops).toHaveCount(1);
    await expect(at(28)).toHaveAttribute('tabindex', '0');

    // On the way from row to row the list is read on.
    await page.evaluate(() => scrollTo(0, 0));
    await at(3).focus();
    await page.evaluate(() => scrollTo(0, 0));
    await payments.insertOne(later);
    await expect(page.locator('.list-head button')).toHaveText('1 new');
    await page.keyboard.press('ArrowDown');
    await expect(at(4)).toBeFocused();
    await expect(page.locator('.list-head button')).toHaveText('1 new');

    await page.keyboard.press('Tab');
    await expect(page.locator('tr:focus')).toHaveCount(0);
    await expect(rows(page, 'payments')).toHaveCount(31);
    await page.keyboard.press('Shift+Tab');
    await expect(at(4)).toBeFocused();
    await page.keyboard.press('Tab');
    await expect(at(4)).toHaveAttribute('tabindex', '0');
    await payments.deleteOne({ _id: mine[4]!._id });
    await expect(row(page, 'payments', String(later._id))).toHaveAttribute('tabindex', '0');
  } finally {
    await payments.deleteMany({ client_id: name });
  }
});

test('heading, title and menu change with the page, and not back to one that comes late', async ({ browserOn }) => {
  const page = await browserOn(0);
  await openLive(page, '/');
  const held: (() => void)[] = [];
  let hold = true;
  await page.route('**/*.wasm', async (route) => {
    if (hold) await new Promise<void>((go) => held.push(go));
    await route.continue();
  });
  const is = async (title: string, path: string) => {
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
    await expect(page).toHaveTitle(`${title} · ChargeDeck`);
    await expect(place(page, path)).toHaveAttribute('aria-current', 'page');
  };
  await place(page, LIST.charging_sessions).click();
  await expect(page).toHaveURL(new RegExp(`${LIST.charging_sessions}$`));
  await expect.poll(() => held.length).toBeGreaterThan(0);
  await is('Overview', '/');
  await expect(figure(page, 'clients')).toBeVisible();
  hold = false;
  held.splice(0).forEach((go) => go());
  await expect(rows(page, 'charging_sessions').first()).toBeVisible();
  await is('Sessions', LIST.charging_sessions);

  // Reports are on their way when somebody goes back to a page that is here.
  await page.evaluate(() => {
    const seen: string[] = ((window as any).seen = []);
    const look = () => seen.push(`${location.pathname} ${document.querySelector('h1')!.textContent}`);
    new MutationObserver(look).observe(document.querySelector('h1')!, { subtree: true, childList: true, characterData: true });
  });
  hold = true;
  await place(page, '/reports').click();
  await expect.poll(() => held.length).toBeGreaterThan(0);
  await place(page, '/').click();
  await is('Overview', '/');
  hold = false;
  held.splice(0).forEach((go) => go());
  await place(page, '/reports').click();
  await is('Reports', '/reports');
  expect(await page.evaluate(() => (window as any).seen)).toEqual(['/ Overview', '/reports Reports']);
});

test('the page that is not found is a heading, a sentence and a button in one block', async ({ browserOn, complaints }) => {
  complaints.allow(/status of 404/);
  const page = await browserOn(0);
  expect((await page.goto('/nowhere'))!.status()).toBe(404);
  await live(page);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Page not found');
  await expect(page).toHaveTitle('Page not found · ChargeDeck');
  const block = page.locator('.empty');
  await expect(block.getByRole('heading')).toHaveText('Page not found');
  await expect(block.locator('p')).toHaveText(/\w/);
  await block.getByRole('link', { name: 'To the Overview' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Overview');
});

test('sessions that run long are told beside the count, with the way to them', async ({ browserOn, db }) => {
  const old = session({ status: 'ACTIVE', start_date_time: new Date('2018-06-15T10:00:00Z') });
  await db.collection('charging_sessions').insertOne(old);
  try {
    const page = await browserOn(0);
    await openLive(page, '/');
    for (const [words, chip] of [['for more than a day', 'Running for more than 24 h'], ['for more than 8 h', 'Running for more than 8 h']] as const) {
      const some = page.locator('[data-figure="active_sessions"] .note a').filter({ hasText: words });
      await expect(some).toHaveText(new RegExp(`^[\\d,]+ ${words}$`));
      const n = (await some.innerText()).split(' ')[0];
      await some.click();
      await expect(page.locator('.list-head p')).toHaveText(new RegExp(`^[\\d,]+ of ${n} that match`));
      await expect(row(page, 'charging_sessions', String(old._id))).toBeVisible();
      await expect(page.locator('.chips')).toContainText(chip);
      await page.goBack();
    }
  } finally {
    await db.collection('charging_sessions').deleteOne({ _id: old._id });
  }
});

/** A4 between its margins, upright and on its side, in CSS pixels. */
for (const [name, width] of [['upright', 703], ['on its side', 1032]] as const) {
  test(`every page prints on A4 ${name}: no navigation, nothing cut, and what it is of`, async ({ browserOn }) => {
    const page = await browserOn(0, { viewport: { width, height: 960 }, colorScheme: 'dark' });
    for (const path of [...PAGES, ...DOCUMENTS]) {
      await (DOCUMENTS.includes(path) ? page.goto(path) : openLive(page, path));
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      const sheet = page.locator('.paper');
      await expect(sheet, path).toBeVisible();
      await expect(sheet, path).toHaveText(/ · All times \S+ · As of \d{1,2} \w{3} \d{4}, \d\d:\d\d$/);
      const printed = await page.evaluate(() => {
        const shown = [...document.querySelectorAll('.main *')].filter((of) => of.checkVisibility());
        const end = document.documentElement.clientWidth;
        return {
          wider: document.documentElement.scrollWidth - end,
          outside: shown
            .filter((of) => !of.closest('.unseen') && of.getBoundingClientRect().right > end + 1)
            .map((of) => `${of.tagName} ${of.className}`),
          navigation: [...document.querySelectorAll('.rail, button, .nav')].filter((of) => of.checkVisibility()).length,
          ink: getComputedStyle(document.body).color,
          page: getComputedStyle(document.documentElement).backgroundColor,
          heads: [...document.querySelectorAll('.list thead, .report thead')].map((of) => getComputedStyle(of).display),
        };
      });
      expect(printed, path).toEqual({
        wider: 0, outside: [], navigation: 0, ink: 'rgb(0, 0, 0)', page: 'rgb(255, 255, 255)',
        heads: printed.heads.map(() => 'table-header-group'),
      });
      await page.emulateMedia({ media: 'screen' });
    }
  });
}

test('what is chosen is on paper, too', async ({ browserOn, stack }) => {
  const page = await browserOn(0);
  const main = page.locator('.main');
  await page.emulateMedia({ media: 'print' });
  for (const [path, ...words] of [
    [`${LIST.payments}?status=FAILED&client=C-1`, 'Status: Failed', 'Client: C-1'],
    ['/activity?of=payments', 'Payments'],
    ['/analytics?last=7d&by=day&against=year', '7 days', 'Days', 'Same dates last year'],
    ['/reports?last=28d&by=station', '28 days', 'Station'],
  ] as const) {
    await openLive(page, path);
    for (const word of words) await expect(main, path).toContainText(word, { useInnerText: true });
  }
  // The network has revenue in its own currency, so that there are two to choose from.
  await openLive(page, '/analytics?last=90d&currency=CHF');
  await expect(page.getByRole('navigation', { name: 'Currency' }).getByRole('link').locator('visible=true')).toHaveText(['CHF']);

  await page.goto(`/audit?result=refused&who=${stack.admin.email}`);
  await expect(page.locator('select[name=result]')).toBeVisible();
  await expect(page.locator('select[name=result]')).toHaveValue('refused');
  await expect(page.locator('input[name=who]')).toBeVisible();
  await expect(page.locator('input[name=who]')).toHaveValue(stack.admin.email);
  await expect(page.locator('input[name=from]')).toBeHidden();
});

test('a chart is drawn for the paper, and for the screen again', async ({ browserOn }) => {
  const page = await browserOn(0, { viewport: { width: 1440, height: 900 } });
  await openLive(page, '/analytics');
  const canvas = page.locator('[data-chart="energy"] canvas').first();
  await expect(canvas).toBeVisible();
  const before = (await canvas.boundingBox())!.width;
  expect(before).toBeGreaterThan(703);
  // Heard after the chart itself has heard it.
  await canvas.evaluate((of) => {
    addEventListener('beforeprint', () => ((window as any).onPaper = (of as HTMLElement).style.width));
  });
  expect((await page.pdf({ preferCSSPageSize: true })).length).toBeGreaterThan(10_000);
  expect(await page.evaluate(() => (window as any).onPaper)).toBe('660px');
  await expect.poll(async () => (await canvas.boundingBox())!.width).toBe(before);
});

test('every picture and file that the documents show is there', () => {
  const documents = ['README.md', ...readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
  const missing = documents.flatMap((name) => {
    const text = readFileSync(join(ROOT, name), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)|\b(?:src|href)="([^"#]+)"/g)].map(([, a, b]) => a ?? b!);
    return links.filter((to) => !/^[a-z]+:/.test(to) && !existsSync(join(ROOT, dirname(name), to))).map((to) => `${name}: ${to}`);
  });
  expect(missing).toEqual([]);
});
