// Whatever stands in documents, every page shows what it can in a real browser, goes on, and tells no more than is read.
// `CHARGEDECK_FUZZ_S` says for how long, `CHARGEDECK_SEED` with what.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CANARY, Chance, anything, document, list, parts, seed, sound, text, value, wire, type Fields, type Value } from '../anything.ts';
import { SAMPLES } from '../documents.ts';
import { expect, test } from '../fixtures.ts';
import { PAGES, TOPICS, alert, live, signIn, type Topic } from '../page.ts';
import { ROOT, Server, chargedeck } from '../parts.ts';

const SECONDS = Number(process.env.CHARGEDECK_FUZZ_S ?? 20);
/** No more of each collection, so that lists show what was written last beside what was there. */
const KEPT = 40;
/** Pages that are drawn by the server alone, and follow nothing. */
const ALONE = ['/account', '/users', '/audit'];
const VISITED = [...PAGES, ...ALONE];
/** The most memory that a server of a small database may take, in bytes: as in tests/auth/fuzz.rs. */
const MEMORY_MAX = 512 * 2 ** 20;
/** The most that a page may hold: the memory of its scripts in bytes, and its nodes. */
const HEAP_MAX = 128 * 2 ** 20;
const NODES_MAX = 200_000;

test('documents of any kind stop no page, and tell it no more than is read', async ({ browserOn, stack, mongo, complaints }) => {
  test.setTimeout((SECONDS + 120) * 1000);
  const chosen = seed();
  console.log(`documents: CHARGEDECK_SEED=${chosen}`);
  const chance = new Chance(chosen);
  const name = `fuzz_${Date.now()}`;
  const environment = { MONGODB_URI: stack.mongo, REDIS_URL: stack.redis, MONGODB_DB: name, CHARGEDECK_DB: `${name}_app` };
  const [db, own] = [mongo.db(name), mongo.db(`${name}_app`)];
  for (const topic of TOPICS) await db.createCollection(topic, { changeStreamPreAndPostImages: { enabled: true } });
  await chargedeck(['admin', 'create', stack.admin.email], environment, `${stack.admin.password}\n`);
  const server = await Server.start(name, environment);
  const mongod = await wire(stack.mongo);
  const documented = new Map(TOPICS.map((topic) => [topic, parts(topic)]));
  const known = new Map<Topic, Value[]>(TOPICS.map((topic) => [topic, []]));
  const log = () => readFileSync(join(ROOT, `target/test/logs/${name}.log`), 'utf8');
  let written: string[] = [];

  /** One write of any kind. */
  async function write(): Promise<void> {
    const topic = chance.of(TOPICS);
    const ids = known.get(topic)!;
    const fields = anything(chance, documented.get(topic)!, sound(SAMPLES[topic].document()));
    const send = (verb: string, what: string, item: Fields) => {
      const command: Fields = [[verb, text(topic)], [what, list([document(item)])], ['$db', text(name)]];
      written.push(document(command).bytes.toString('base64'));
      return mongod.send(command);
    };
    if (ids.length > 0 && chance.often(2)) {
      const change = document(chance.often(3) ? [['$set', document(fields.filter(() => chance.often(2)))]] : fields);
      await send('update', 'updates', [['q', document([['_id', chance.of(ids)]])], ['u', change]]);
      return;
    }
    // An `_id` always travels, so it must hold no canary.
    let id = value(chance);
    while (id.bytes.includes(CANARY)) id = value(chance);
    const { n, writeErrors } = await send('insert', 'documents', [['_id', id], ...fields]);
    if (n === 1 && !writeErrors) ids.push(id);
    if (ids.length > KEPT) await send('delete', 'deletes', [['q', document([['_id', ids.shift()!]])], ['limit', sound({ limit: 1 })[0]![1]]]);
  }

  let round = 0;
  const page = await browserOn(0, { baseURL: server.url, storageState: undefined });
  try {
    const frames: string[] = [];
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(String(payload))));
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable');
    const metric = async (name: string) => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      return metrics.find((metric) => metric.name === name)!.value;
    };
    await signIn(page, stack.admin.email, stack.admin.password);
    await live(page);
    const began = Date.now();
    while (Date.now() - began < SECONDS * 1000 || round < VISITED.length) {
      const path = VISITED[round++ % VISITED.length]!;
      [written, frames.length] = [[], 0];
      for (let i = 0; i < 30; i++) await write();
      await page.goto(path);
      if (ALONE.includes(path)) {
        await expect(page.getByRole('heading', { level: 1 }), path).toHaveText(/\S/);
        expect((await page.content()).includes(CANARY), `${path} tells what is not read`).toBe(false);
        complaints.expectNone();
        continue;
      }
      await live(page);
      for (let i = 0; i < 20; i++) await write();
      // Every page follows the Overview, and that names what is newest.
      const last = `last-${round}-`;
      await db.collection('clients').insertOne({ ...SAMPLES.clients.document(), name: last });
      await expect.poll(() => frames.some((frame) => frame.includes(last)), { message: `${path} goes on` }).toBe(true);
      await live(page);
      await expect(page.locator('html'), path).toHaveAttribute('data-program', 'runs');
      await expect(page.getByRole('heading', { level: 1 }), path).toHaveText(/\S/);
      await expect(alert(page), path).toHaveCount(0);
      expect((await page.content()).includes(CANARY), `${path} tells what is not read`).toBe(false);
      expect(frames.filter((frame) => frame.includes(CANARY)), `the socket of ${path}`).toEqual([]);
      expect(await metric('JSHeapUsedSize'), `the memory of ${path}`).toBeLessThan(HEAP_MAX);
      expect(await metric('Nodes'), `the nodes of ${path}`).toBeLessThan(NODES_MAX);
      complaints.expectNone();
    }
    expect(log()).not.toMatch(new RegExp(`panicked|${CANARY}`));
    expect(server.peakMemory, 'the memory of the server').toBeLessThan(MEMORY_MAX);
    written = [];
  } finally {
    console.log(`documents: ${round} pages, CHARGEDECK_SEED=${chosen}`);
    if (written.length > 0) await test.info().attach('written', { body: written.join('\n') });
    mongod.end();
    // It would complain that the server is gone.
    await page.context().close();
    await server.stop();
    await Promise.all([db, own].map((one) => one.dropDatabase()));
  }
});
