// Accounts: the first admin, invitations, own sessions, and what happens at once to whoever is put out.
import { AxeBuilder } from '@axe-core/playwright';
import type { BrowserContextOptions, Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, REFUSED, test as base } from '../fixtures.ts';
import { DOCUMENTS, connection, figure, openLive, signIn } from '../page.ts';
import { ROOT, Server, chargedeck } from '../parts.ts';

const PASSWORD = 'seven wet umbrellas sing';
const ANOTHER = 'a quiet lorry paints nine';
/** What Chromium writes when a form or a link is answered with an error. */
const TOLD = [/status of 4(10|22)/];

interface People {
  /** An account of an admin that no other test has. */
  someone: (name: string) => Promise<string>;
  /** A browser in which an admin is signed in. */
  browserOf: (email: string, options?: BrowserContextOptions) => Promise<Page>;
}

const test = base.extend<People>({
  someone: async ({ stack }, use) => {
    await use(async (name) => {
      const email = `${name}-${Date.now()}@example.com`;
      await chargedeck(['admin', 'create', email], { MONGODB_URI: stack.mongo, REDIS_URL: stack.redis }, `${PASSWORD}\n`);
      return email;
    });
  },
  browserOf: async ({ stack, browserOn }, use) => {
    await use(async (email, options = {}) => {
      const page = await browserOn(0, { storageState: undefined, ...options });
      await signIn(page, email, PASSWORD);
      await expect(page).toHaveURL(`${stack.urls[0]}/`);
      return page;
    });
  },
});

const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true });

async function choosePassword(page: Page, password: string, again = password): Promise<void> {
  await page.getByLabel('New password').fill(password);
  await page.getByLabel('Repeat password').fill(again);
  await page.getByRole('button', { name: 'Set password' }).click();
}

test('the first admin is made by the printed link, with the keyboard alone, once', async ({ browser, stack, complaints }) => {
  complaints.allow(...TOLD);
  const name = `first-admin-${Date.now()}`;
  const server = await Server.start(name, {
    MONGODB_URI: stack.mongo, REDIS_URL: stack.redis, CHARGEDECK_DB: `people_${Date.now()}`,
  });
  const context = await browser.newContext({ baseURL: server.url });
  complaints.watch(context);
  try {
    const log = () => readFileSync(join(ROOT, 'target/test/logs', `${name}.log`), 'utf8');
    const printed = () => /http:\/\/\S+\/setup\?token=[0-9a-f]{64}/.exec(log())?.[0];
    await expect.poll(printed).toBeTruthy();
    const link = printed()!;
    const page = await context.newPage();
    await page.goto(link);
    await expect(page.getByLabel('E-mail')).toBeFocused();
    await page.keyboard.type('first@example.com');
    for (const word of ['too short', 'too short']) {
      await page.keyboard.press('Tab');
      await page.keyboard.type(word);
    }
    await page.keyboard.press('Enter');
    await expect(page.getByLabel('New password')).toBeFocused();
    await expect(page.getByLabel('New password')).toHaveAccessibleDescription(/at least 15 characters/);
    await expect(page.getByLabel('E-mail')).toHaveValue('first@example.com');
    await expect(page.getByLabel('New password')).toHaveValue('');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await expect(heading(page, 'The first admin was created')).toBeVisible();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/login$/);
    await signIn(page, 'first@example.com', PASSWORD);
    await expect(page).toHaveURL(`${server.url}/`);
    await page.goto(link);
    await expect(heading(page, 'This link no longer works')).toBeVisible();
  } finally {
    await context.close();
    await server.stop();
  }
});

test('who is invited chooses a password and is in; the link works no more', async ({ stack, someone, browserOf, browserOn, complaints }) => {
  complaints.allow(...TOLD);
  const page = await browserOf(await someone('ada'));
  const guest = `guest-${Date.now()}@example.com`;
  await page.goto('/users');
  await page.getByRole('link', { name: 'Invite an admin' }).click();
  await page.getByLabel('E-mail').fill(guest);
  await page.getByRole('button', { name: 'Create link' }).click();
  const link = await page.locator('.secret').innerText();
  expect(link).toMatch(new RegExp(`^${stack.urls[0]}/invitation\\?token=[0-9a-f]{64}$`));
  await page.goto('/users');
  await expect(page.getByRole('row', { name: guest })).toContainText('Invited');

  const other = await browserOn(1, { storageState: undefined });
  await other.goto(link);
  await choosePassword(other, PASSWORD, ANOTHER);
  await expect(other.getByLabel('Repeat password')).toBeFocused();
  await choosePassword(other, PASSWORD);
  await expect(heading(other, 'Your password is set')).toBeVisible();
  await other.getByRole('link', { name: 'Sign in' }).click();
  await signIn(other, guest, PASSWORD);
  await expect(figure(other, 'clients')).toHaveText(/\d/);
  await other.goto(link);
  await expect(heading(other, 'This link no longer works')).toBeVisible();
  await page.reload();
  await expect(page.getByRole('row', { name: guest })).toContainText('Active');
});

test('ending a session from the account puts that browser out, and no other', async ({ someone, browserOf, complaints }) => {
  complaints.allow(...REFUSED);
  const email = await someone('ada');
  const page = await browserOf(email);
  const elsewhere = await browserOf(email, {
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0',
  });
  await openLive(elsewhere, '/stations');
  await page.getByRole('link', { name: 'Account', exact: true }).click();
  await expect(page).toHaveURL(/\/account$/);
  await expect(page.getByRole('row', { name: /this one/ })).toContainText('Chrome on Linux');
  await page.getByRole('button', { name: 'End the session of Firefox on Linux' }).click();
  await expect(page.getByRole('status')).toHaveText('The session has ended.');
  await expect(elsewhere).toHaveURL(/\/login/, { timeout: 3_000 });
  await page.goto('/stations');
  await expect(connection(page)).toHaveAttribute('data-connection', 'live');
});

test('whoever is disabled is out at once', async ({ someone, browserOf, complaints }) => {
  complaints.allow(...REFUSED);
  const [ada, bob] = [await someone('ada'), await someone('bob')];
  const [page, his] = [await browserOf(ada), await browserOf(bob)];
  await openLive(his, '/payments');
  await page.goto('/users');
  await page.getByRole('link', { name: bob }).click();
  await page.getByRole('button', { name: 'Disable account' }).click();
  await expect(page.getByRole('status')).toContainText('The account was disabled');
  await expect(his).toHaveURL(/\/login/, { timeout: 3_000 });
  await signIn(his, bob, PASSWORD);
  await expect(his.getByRole('alert')).toBeVisible();
});

test('giving the password again leaves the pages of this browser as they are', async ({ someone, browserOf, complaints }) => {
  // Chromium's own words for a handshake with the cookie of before.
  complaints.allow(...REFUSED, ...TOLD);
  const page = await browserOf(await someone('ada'));
  await openLive(page, '/');
  await page.evaluate(() => Object.assign(window, { same: true }));
  const tab = await page.context().newPage();
  const before = await page.context().cookies();
  await tab.goto('/confirm?next=/users');
  await tab.getByLabel('Password').fill('not the password');
  await tab.getByRole('button', { name: 'Go on' }).click();
  await expect(tab.getByLabel('Password')).toHaveAccessibleDescription('Wrong password.');
  await expect(tab.getByLabel('Password')).toBeFocused();
  const opened = page.waitForEvent('websocket', { timeout: 10_000 });
  await tab.getByLabel('Password').fill(PASSWORD);
  await tab.getByRole('button', { name: 'Go on' }).click();
  await expect(tab).toHaveURL(/\/users$/);
  expect(await page.context().cookies()).not.toEqual(before);
  await opened;
  await expect(connection(page)).toHaveAttribute('data-connection', 'live');
  expect(await page.evaluate(() => 'same' in window), 'the page was not loaded anew').toBe(true);
});

test('without JavaScript the password is changed, and all other sessions end', async ({ someone, browserOf, complaints }) => {
  complaints.allow(...REFUSED, ...TOLD);
  const email = await someone('ada');
  const elsewhere = await browserOf(email);
  const page = await browserOf(email, { javaScriptEnabled: false });
  await page.goto('/account');
  const change = async (current: string) => {
    await page.getByLabel('Current password').fill(current);
    await page.getByLabel('New password').fill(ANOTHER);
    await page.getByLabel('Repeat password').fill(ANOTHER);
    await page.getByRole('button', { name: 'Change password' }).click();
  };
  await change('not the password');
  await expect(page.getByLabel('Current password')).toHaveAccessibleDescription('Wrong password.');
  await change(PASSWORD);
  await expect(page.getByRole('status')).toContainText('Your password was changed');
  await expect(elsewhere).toHaveURL(/\/login/, { timeout: 3_000 });
  await signIn(elsewhere, email, PASSWORD);
  await expect(elsewhere.getByRole('alert')).toBeVisible();
  await signIn(elsewhere, email, ANOTHER);
  await expect(figure(elsewhere, 'clients')).toHaveText(/\d/);
});

test('the pages of accounts pass over no parameter that they do not know', async ({ someone, browserOf, complaints }) => {
  complaints.allow(/status of 400/);
  const page = await browserOf(await someone('ada'));
  for (const path of [...DOCUMENTS, '/login', '/setup', '/invitation']) {
    const answer = await page.goto(`${path}?nonsense=1`);
    expect(answer!.status(), path).toBe(400);
    await expect(page.getByRole('main'), path).toContainText('The address');
  }
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`documents are accessible and fit a phone and a wall, ${colorScheme}`, async ({ someone, browserOf, complaints }) => {
    complaints.allow(...TOLD);
    test.setTimeout(120_000);
    const page = await browserOf(await someone('ada'), { colorScheme });
    await page.goto('/users');
    const one = await page.locator('.accounts a').first().getAttribute('href');
    for (const path of [...DOCUMENTS, one!, '/invitation?token=x', '/setup?token=x']) {
      for (const [width, height] of [[390, 844], [2560, 1440], [1440, 960]] as const) {
        await page.setViewportSize({ width, height });
        await page.goto(path);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(overflow, `${path} at ${width}`).toBeLessThanOrEqual(0);
      }
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`), path).toEqual([]);
    }
  });
}
