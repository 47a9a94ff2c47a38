// A real city's sessions, imported: the counts its publisher's file gives, shown as they are, and safe to repeat.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient, type Db } from 'mongodb';
import { expect, test } from '../fixtures.ts';
import { TOPICS, LIST, figure, openLive, rows, signIn } from '../page.ts';
import { chargedeck, ROOT, Server, startRedis, type Environment, type Part } from '../parts.ts';

const FOLDER = process.env.CHARGEDECK_SAMPLE_DIR ?? join(ROOT, '../shared/data');
const FILE = join(FOLDER, 'dundee-2018-06-09.csv');

test.describe('Dundee', () => {
  test.skip(!existsSync(FILE), `${FILE} is not there: set CHARGEDECK_SAMPLE_DIR to the folder that holds it`);
  test.describe.configure({ mode: 'serial' });

  let client: MongoClient;
  let db: Db;
  let environment: Environment;
  let redis: Part;
  let server: Server | undefined;
  const folder = mkdtempSync(join(tmpdir(), 'chargedeck-dundee-'));

  test.beforeAll(async ({ stack }) => {
    // The log of a database is Redis-wide: another database wants another Redis.
    const started = await startRedis('redis-dundee', folder);
    redis = started.part;
    environment = { MONGODB_URI: stack.mongo, MONGODB_DB: 'dundee', CHARGEDECK_DB: 'dundee_app', REDIS_URL: started.url };
    client = await MongoClient.connect(stack.mongo);
    db = client.db('dundee');
    await chargedeck(['import', '--preset', 'dundee', FILE], environment);
  });

  test.afterAll(async () => {
    await server?.stop();
    await redis?.end('SIGTERM');
    await client?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('19,227 sessions, 72 of them still open, and the absurd one marked', async () => {
    const sessions = db.collection('charging_sessions');
    expect(await sessions.countDocuments()).toBe(19_227);
    expect(await sessions.countDocuments({ status: 'ACTIVE' })).toBe(72);
    expect(await db.collection('clients').countDocuments()).toBe(827);
    expect(await db.collection('stations').countDocuments()).toBe(63);
    const absurd = await sessions.find({ energy_wh: { $gt: 250_000 } }).toArray();
    expect(absurd.map(({ energy_wh }) => Number(energy_wh))).toEqual([1_430_170]);
    expect(absurd[0]!.quality).toContain('EXCESS');
    // Derived payments say so; what was never paid for has none.
    const payments = db.collection('payments');
    const billable = await sessions.countDocuments({ status: 'COMPLETED', energy_wh: { $gt: 0 } });
    expect(await payments.countDocuments()).toBe(billable);
    expect(await payments.countDocuments({ 'source.derived': { $ne: true } })).toBe(0);
  });

  test('importing again changes nothing', async () => {
    const before = await fingerprint(db);
    await chargedeck(['import', '--preset', 'dundee', FILE], environment);
    expect(await fingerprint(db)).toEqual(before);
  });

  test('the dashboard shows it', async ({ browser, stack }) => {
    const { email, password } = stack.admin;
    await chargedeck(['admin', 'create', email], environment, `${password}\n`);
    server = await Server.start('server-dundee', environment);
    const context = await browser.newContext({ baseURL: server.url });
    const page = await context.newPage();
    await signIn(page, email, password);
    await expect(page).toHaveURL(`${server.url}/`);
    await expect(figure(page, 'active_sessions')).toHaveText(/^72\s*$/);
    await openLive(page, LIST.stations);
    await expect(rows(page, 'stations')).toHaveCount(63);
    await openLive(page, LIST.charging_sessions);
    await expect(rows(page, 'charging_sessions')).toHaveCount(50);
    await context.close();
  });
});

/** One hash per collection over all its documents, byte for byte, in the order of `_id`. */
async function fingerprint(db: Db): Promise<Record<string, string>> {
  const prints: Record<string, string> = {};
  for (const topic of TOPICS) {
    const hash = createHash('sha256');
    for await (const raw of db.collection(topic).find({}, { raw: true }).sort({ _id: 1 })) hash.update(raw as unknown as Uint8Array);
    prints[topic] = hash.digest('hex');
  }
  return prints;
}
