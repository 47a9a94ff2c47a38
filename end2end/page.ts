// Where things stand on ChargeDeck's pages: the only file that knows the markup.
import { expect, type Locator, type Page } from '@playwright/test';

export const LIST = {
  clients: '/clients',
  stations: '/stations',
  charging_sessions: '/sessions',
  payments: '/payments',
  eco_stats: '/eco',
};
export type Topic = keyof typeof LIST;
export const TOPICS = Object.keys(LIST) as Topic[];
export const PAGES = ['/', '/activity', '/analytics', ...Object.values(LIST), '/reports', '/system'];

/** Documents that the server draws alone. */
export const DOCUMENTS = ['/account', '/users', '/users/invite', '/confirm', '/audit'];

/** A document's id as it stands on pages: an ObjectId's digits, anything else in canonical extended JSON. */
export const docId = (id: unknown): string => (typeof id === 'string' ? JSON.stringify(id) : String(id));

export const table = (page: Page, topic: Topic): Locator => page.locator(`table[data-topic="${topic}"]`);
export const rows = (page: Page, topic: Topic): Locator => table(page, topic).locator('tr[data-id]');
export const row = (page: Page, topic: Topic, id: string): Locator => table(page, topic).locator(`tr[data-id="${id}"]`);
export const cell = (of: Locator, field: string): Locator => of.locator(`td[data-field="${field}"]`);
export const figure = (page: Page, name: string): Locator => page.locator(`[data-figure="${name}"] .figure`);
/** The values of all cards. */
export const figures = (page: Page): Locator => page.locator('.cards [data-figure] .figure');
export const split = (page: Page): Locator => page.locator('[data-figure="evse_split"]');

/** Entries of the latest changes for one document; `op` narrows them to put, patch or delete. */
export const latest = (page: Page, id: string, op?: string): Locator =>
  page.locator(`[data-feed="latest"] li[data-id="${id}"]${op ? `[data-op="${op}"]` : ''}`);

/** A stage of the System page's pipeline, and a panel of it, by their headings. */
export const stage = (page: Page, title: string): Locator =>
  page.locator('.pipeline > li').filter({ has: page.getByRole('heading', { name: title, exact: true }) });
export const panel = (page: Page, title: string): Locator =>
  page.locator('section.panel').filter({ has: page.locator('header').getByRole('heading', { name: title, exact: true }) });

export const connection = (page: Page): Locator => page.locator('[data-connection]').first();
export const alert = (page: Page): Locator => page.getByRole('alert');

/** Opens a page and waits until the browser side is live. */
export async function openLive(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await live(page);
}

export async function live(page: Page): Promise<void> {
  await expect(connection(page)).toHaveAttribute('data-connection', 'live', { timeout: 30_000 });
}

export async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.goto('/login');
  await page.locator('input[name=email]').fill(email);
  await page.locator('input[name=password]').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

export async function signOut(page: Page): Promise<void> {
  await page.locator('form[action="/logout"] button').first().click();
}
