// What every test gets: the running parts, an independent writer, signed-in browsers, and the rule that a page may
// not complain in its console.
import { test as base, expect, type BrowserContext, type BrowserContextOptions, type Page } from '@playwright/test';
import { MongoClient, type Collection, type Db } from 'mongodb';
import type { Stack } from './global-setup.ts';
import { signIn } from './page.ts';

export { expect };

type SignedIn = Awaited<ReturnType<BrowserContext['storageState']>>;

/** Console errors, hydration warnings and page errors of all pages of a test; the test fails if one remains. */
export class Complaints {
  private readonly all: string[] = [];
  private allowed: RegExp[] = [];

  watch(context: BrowserContext): void {
    context.on('page', (page) => {
      page.on('pageerror', (error) => this.add(page, `page error: ${error.message}`));
      page.on('console', (message) => {
        const isHydration = /hydrat/i.test(message.text());
        if (message.type() === 'error' || isHydration) this.add(page, `console ${message.type()}: ${message.text()}`);
      });
    });
  }

  /** From now on lines like this are the network's own, which the test provokes. */
  allow(...lines: RegExp[]): void {
    this.allowed.push(...lines);
  }

  expectNone(): void {
    expect(this.all, 'complaints of the pages').toEqual([]);
  }

  private add(page: Page, text: string): void {
    if (!this.allowed.some((line) => line.test(text))) this.all.push(`${page.url()}: ${text}`);
  }
}

/** What Chromium itself writes when a server is gone. */
export const SERVER_AWAY = [/net::ERR_/, /WebSocket connection to .* failed/];
/** What Chromium itself writes when a signed-out page asks for something. */
export const REFUSED = [/status of 401/, /WebSocket connection to .* failed/, /Unexpected response code: 401/];

interface Shared {
  stack: Stack;
  mongo: MongoClient;
  db: Db;
  /** ChargeDeck's own record of what happened. */
  events: Collection;
  signedIn: SignedIn;
}
interface PerTest {
  complaints: Complaints;
  /** Opens a signed-in browser of its own on instance 0 or 1; `complaints` watches it. */
  browserOn: (instance: 0 | 1, options?: BrowserContextOptions) => Promise<Page>;
  /** Kills (-9) or starts an instance. */
  server: { kill(instance: 0 | 1): Promise<void>; start(instance: 0 | 1): Promise<void> };
  /** Stops MongoDB's process where it stands, or lets it go on. */
  freezeMongo: (on: boolean) => Promise<void>;
}

export const test = base.extend<PerTest, Shared>({
  stack: [
    async ({}, use) => use(JSON.parse(process.env.CHARGEDECK_STACK!) as Stack),
    { scope: 'worker' },
  ],
  mongo: [
    async ({ stack }, use) => {
      const client = await MongoClient.connect(stack.mongo);
      await use(client);
      await client.close();
    },
    { scope: 'worker' },
  ],
  db: [async ({ mongo }, use) => use(mongo.db('chargedeck')), { scope: 'worker' }],
  events: [async ({ mongo }, use) => use(mongo.db('chargedeck_app').collection('events')), { scope: 'worker' }],
  // The session lies in Redis and the cookie knows no port: one login serves both instances.
  signedIn: [
    async ({ browser, stack }, use) => {
      const context = await browser.newContext({ baseURL: stack.urls[0] });
      const page = await context.newPage();
      await signIn(page, stack.admin.email, stack.admin.password);
      await expect(page).toHaveURL(`${stack.urls[0]}/`);
      const state = await context.storageState();
      await context.close();
      await use(state);
    },
    { scope: 'worker' },
  ],
  complaints: async ({}, use) => {
    const complaints = new Complaints();
    await use(complaints);
    complaints.expectNone();
  },
  browserOn: async ({ browser, stack, signedIn, complaints }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (instance, options = {}) => {
      const context = await browser.newContext({ baseURL: stack.urls[instance], storageState: signedIn, ...options });
      contexts.push(context);
      complaints.watch(context);
      return context.newPage();
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
  freezeMongo: async ({ stack }, use) => {
    const freeze = async (on: boolean) => {
      await fetch(`${stack.control}/freeze/${on ? 'on' : 'off'}`, { method: 'POST' });
    };
    await use(freeze);
    await freeze(false);
  },
  server: async ({ stack }, use) => {
    const control = async (verb: 'kill' | 'start', instance: number) => {
      const answer = await fetch(`${stack.control}/${verb}/${instance}`, { method: 'POST' });
      if (!answer.ok) throw new Error(await answer.text());
    };
    const killed = new Set<number>();
    await use({
      kill: async (instance) => {
        killed.add(instance);
        await control('kill', instance);
      },
      start: async (instance) => {
        await control('start', instance);
        killed.delete(instance);
      },
    });
    // A test that failed in between leaves no dead instance to the next.
    for (const instance of killed) await control('start', instance);
  },
});
