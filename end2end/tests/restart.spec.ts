// A server that is killed and started again while others write loses nothing: open pages end equal to the database.
import { expect, SERVER_AWAY, test } from '../fixtures.ts';
import { session, station } from '../documents.ts';
import { LIST, alert, cell, connection, docId, live, openLive, row, rows } from '../page.ts';
import { setTimeout as pause } from 'node:timers/promises';
import type { Page, WebSocketRoute } from '@playwright/test';
import type { Db, ObjectId } from 'mongodb';

/** Shown as a number that ends in .3, whatever the rounding. */
const wattHours = (n: number): number => (n % 500) * 1000 + 300;

/** Writes in small steps until told to stop: inserts, changes and removes stations and sessions of its own. */
class Writer {
  readonly sessions: ObjectId[] = [];
  readonly stations: ObjectId[] = [];
  steps = 0;
  private stopped = false;
  private readonly done: Promise<void>;

  constructor(private readonly db: Db) {
    this.done = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  async remove(): Promise<void> {
    await this.db.collection('stations').deleteMany({ _id: { $in: this.stations } });
    await this.db.collection('charging_sessions').deleteMany({ _id: { $in: this.sessions } });
  }

  private async run(): Promise<void> {
    const stations = this.db.collection('stations');
    const sessions = this.db.collection('charging_sessions');
    while (!this.stopped) {
      const n = this.steps;
      if (n < 20) {
        const [one, other] = [station({ name: `Writer ${n}` }), session({ energy_wh: wattHours(n) })];
        await Promise.all([stations.insertOne(one), sessions.insertOne(other)]);
        this.stations.push(one._id);
        this.sessions.push(other._id);
      } else {
        const pick = <T>(from: T[]): T => from[n % from.length]!;
        await stations.updateOne({ _id: pick(this.stations) }, { $set: { name: `Writer step ${n}`, last_updated: new Date() } });
        await sessions.updateOne({ _id: pick(this.sessions) }, { $set: { energy_wh: wattHours(n), last_updated: new Date() } });
        if (n % 97 === 0) {
          await stations.deleteOne({ _id: pick(this.stations) });
          await sessions.deleteOne({ _id: pick(this.sessions) });
        }
      }
      this.steps += 1;
      await pause(5); // the pace of a busy network, not the most that fits
    }
  }

  /** Resolves after that many more writes. */
  async more(steps: number): Promise<void> {
    const goal = this.steps + steps;
    await expect.poll(() => this.steps, { timeout: 30_000 }).toBeGreaterThanOrEqual(goal);
  }
}

const shownStations = (page: Page): Promise<Record<string, string>> =>
  rows(page, 'stations').evaluateAll((all) =>
    Object.fromEntries(all.map((tr) => [(tr as HTMLElement).dataset.id!, tr.querySelector('td[data-field=name]')!.textContent!.trim()])));

test('both pages end equal to the database after a kill -9 during writes', async ({ browserOn, db, server, complaints }) => {
  test.setTimeout(120_000);
  complaints.allow(...SERVER_AWAY);
  const lists = [await browserOn(0), await browserOn(1)];
  const sessions = [await lists[0]!.context().newPage(), await lists[1]!.context().newPage()];
  for (const page of lists) await openLive(page, LIST.stations);
  for (const page of sessions) await openLive(page, LIST.charging_sessions);
  const pages = [...lists, ...sessions];
  for (const page of pages) await page.evaluate(() => ((window as any).neverReloaded = true));

  const writer = new Writer(db);
  try {
    await writer.more(100);
    await server.kill(0);
    await expect(connection(lists[0]!)).not.toHaveAttribute('data-connection', 'live');
    await writer.more(300);
    await server.start(0);
    await writer.more(100);
    await server.kill(1);
    await writer.more(100);
    await server.start(1);
    await writer.more(100);
    await writer.stop();

    for (const page of pages) await live(page);
    const names = Object.fromEntries(
      (await db.collection('stations').find().project({ name: 1 }).toArray()).map((one) => [docId(one._id), one.name as string]),
    );
    for (const page of lists) {
      // The name's cell may carry more than the name.
      await expect.poll(async () => {
        const shown = await shownStations(page);
        const differing = Object.keys(names).filter((id) => !shown[id]?.includes(names[id]!));
        return [...differing, ...Object.keys(shown).filter((id) => !(id in names))];
      }, { timeout: 20_000, message: 'stations that page and database disagree on' }).toEqual([]);
    }
    const left = await db.collection('charging_sessions').find({ _id: { $in: writer.sessions } }).toArray();
    for (const page of sessions) {
      for (const gone of writer.sessions.filter((id) => !left.some((one) => one._id.equals(id)))) {
        await expect(row(page, 'charging_sessions', gone.toHexString())).toHaveCount(0);
      }
      for (const one of left) {
        const kilowattHours = (one.energy_wh / 1000).toFixed(1).replace('.', '\\.');
        await expect(cell(row(page, 'charging_sessions', String(one._id)), 'energy_wh')).toHaveText(new RegExp(`\\b${kilowattHours}\\b`));
      }
    }
    for (const page of pages) expect(await page.evaluate(() => (window as any).neverReloaded)).toBe(true);
  } finally {
    await writer.stop();
    await writer.remove();
  }
});

// How a database is set back, and what the server says then: tests/pipeline/rewound.rs.
test('a page tells that the database was set back, takes its rows anew, and goes on', async ({ browserOn, db }) => {
  const page = await browserOn(0);
  let socket: WebSocketRoute;
  let head = '';
  await page.routeWebSocket(/\/live$/, (ws) => {
    socket = ws;
    ws.connectToServer().onMessage((message) => {
      head = /^\{"Subscribed":\[\d+,"stations","([\d-]+)"\]\}$/.exec(String(message))?.[1] ?? head;
      ws.send(message);
    });
  });
  await openLive(page, LIST.stations);
  await page.evaluate(() => ((window as any).neverReloaded = true));
  const shown = await rows(page, 'stations').count();
  const reset = async (reason: string) => {
    const asked = page.waitForRequest('**/api/page/load*');
    socket!.send(JSON.stringify({ Reset: ['stations', head, reason, 0] }));
    await asked;
    await live(page);
    await expect(rows(page, 'stations')).toHaveCount(shown);
  };
  // Rows that are taken anew for another reason are as new as those before.
  await reset('epoch');
  await expect(alert(page)).toHaveCount(0);

  await reset('database_restored');
  const told = 'The database was restored to an earlier state. What you see is what it holds now.';
  await expect(alert(page)).toHaveText(told);
  const written = station({ name: 'After it was set back' });
  await db.collection('stations').insertOne(written);
  try {
    await expect(cell(row(page, 'stations', written._id.toHexString()), 'name')).toContainText('After it was set back');
    // It is told for as long as the page is open, on every page.
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Payments' }).click();
    await expect(rows(page, 'payments').first()).toBeVisible();
    await expect(alert(page)).toHaveText(told);
    expect(await page.evaluate(() => (window as any).neverReloaded)).toBe(true);
  } finally {
    await db.collection('stations').deleteOne({ _id: written._id });
  }
  // What is loaded from now on is all of the same database.
  await page.reload();
  await live(page);
  await expect(alert(page)).toHaveCount(0);
});
