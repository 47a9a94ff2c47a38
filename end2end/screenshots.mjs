// Pictures of every page, desktop and phone, light and dark: npm run screenshots -- FOLDER
// Reads CHARGEDECK_URL (http://127.0.0.1:3000), CHARGEDECK_EMAIL and CHARGEDECK_PASSWORD from the environment.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from '@playwright/test';

const PAGES = { overview: '/', activity: '/activity', analytics: '/analytics', clients: '/clients', stations: '/stations', sessions: '/sessions', payments: '/payments', eco: '/eco', reports: '/reports', system: '/system' };
// Drawn by the server alone: there is no connection to wait for.
const DOCUMENTS = { account: '/account', users: '/users', confirm: '/confirm', audit: '/audit' };
const SIZES = {
  desktop: { viewport: { width: 1440, height: 960 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

const { CHARGEDECK_URL: url = 'http://127.0.0.1:3000', CHARGEDECK_EMAIL: email, CHARGEDECK_PASSWORD: password } = process.env;
if (!process.argv[2] || !email || !password) {
  console.error('usage: CHARGEDECK_EMAIL=… CHARGEDECK_PASSWORD=… npm run screenshots -- FOLDER');
  process.exit(2);
}
const folder = resolve(process.argv[2]);
mkdirSync(folder, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const options = { baseURL: url, locale: 'en-GB', timezoneId: 'Europe/London' };
try {
  const login = await (await browser.newContext(options)).newPage();
  await login.goto('/login');
  await login.locator('input[name=email]').fill(email);
  await login.locator('input[name=password]').fill(password);
  await login.getByRole('button', { name: 'Sign in' }).click();
  await login.waitForURL((at) => !at.pathname.startsWith('/login'));
  const storageState = await login.context().storageState();

  for (const [size, shape] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark']) {
      const save = (page, name) => page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`) });
      const signedIn = await (await browser.newContext({ ...options, ...shape, colorScheme, storageState })).newPage();
      for (const [name, path] of Object.entries(PAGES)) {
        await signedIn.goto(path);
        await signedIn.locator('[data-connection=live]').first().waitFor({ state: 'attached' });
        await signedIn.evaluate(() => document.fonts.ready);
        await save(signedIn, name);
      }
      for (const [name, path] of Object.entries(DOCUMENTS)) {
        await signedIn.goto(path);
        await signedIn.evaluate(() => document.fonts.ready);
        await save(signedIn, name);
      }
      const signedOut = await (await browser.newContext({ ...options, ...shape, colorScheme })).newPage();
      await signedOut.goto('/login');
      await signedOut.evaluate(() => document.fonts.ready);
      await save(signedOut, 'login');
    }
  }
} finally {
  await browser.close();
}
