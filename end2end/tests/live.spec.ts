// Writes of an independent program appear on open pages, in two browsers on two instances, without a reload.
import { SERVER_AWAY, expect, test } from '../fixtures.ts';
import { SAMPLES, session } from '../documents.ts';
import { TOPICS, LIST, cell, connection, figure, latest, live, openLive, row, rows } from '../page.ts';

for (const topic of TOPICS) {
  test(`${topic}: insert, update and delete reach list and Overview in two browsers`, async ({ browserOn, db }) => {
    const lists = [await browserOn(0), await browserOn(1)];
    const overviews = [await lists[0]!.context().newPage(), await lists[1]!.context().newPage()];
    const pages = [...lists, ...overviews];
    for (const page of lists) await openLive(page, LIST[topic]);
    for (const page of overviews) await openLive(page, '/');
    for (const page of pages) await page.evaluate(() => ((window as any).neverReloaded = true));

    const { document, change, field, before, after } = SAMPLES[topic];
    const written = document();
    const id = written._id.toHexString();
    const collection = db.collection(topic);

    await collection.insertOne(written);
    for (const page of lists) await expect(cell(row(page, topic, id), field)).toHaveText(before);
    for (const page of overviews) await expect(latest(page, id).first()).toBeVisible();

    await collection.updateOne({ _id: written._id }, { $set: { ...change, last_updated: new Date() } });
    for (const page of lists) await expect(cell(row(page, topic, id), field)).toHaveText(after);
    for (const page of overviews) await expect(latest(page, id, 'patch').first()).toBeVisible();

    await collection.deleteOne({ _id: written._id });
    for (const page of lists) await expect(row(page, topic, id)).toHaveCount(0);
    for (const page of overviews) await expect(latest(page, id, 'delete').first()).toBeVisible();

    for (const page of pages) expect(await page.evaluate(() => (window as any).neverReloaded)).toBe(true);
  });

  test(`${topic}: only the changed row changes`, async ({ browserOn, db }) => {
    const { document, change, field, before, after } = SAMPLES[topic];
    const [still, changed] = [document(), document()];
    const collection = db.collection(topic);
    await collection.insertMany([still, changed]);
    try {
      const page = await browserOn(0);
      await openLive(page, LIST[topic]);
      const target = row(page, topic, changed._id.toHexString());
      await expect(cell(target, field)).toHaveText(before);
      const count = await rows(page, topic).count();
      expect(count).toBeGreaterThan(1);

      // Each row and cell is marked as the object it is; a row drawn anew would come without its mark.
      await rows(page, topic).evaluateAll((all) => {
        for (const tr of all as any[]) {
          tr.mark = tr.dataset.id;
          for (const td of tr.cells) td.mark = `${tr.dataset.id} ${td.dataset.field}`;
        }
        const watch = { moved: 0 };
        new MutationObserver((records) => (watch.moved += records.length)).observe(all[0]!.parentElement!, { childList: true });
        (window as any).watch = watch;
      });
      const others = (all: Element[], id: string) =>
        all.filter((tr) => (tr as HTMLElement).dataset.id !== id).map((tr) => (tr.querySelector('td[data-field]') as HTMLElement).innerText);
      const textBefore = await rows(page, topic).evaluateAll(others, changed._id.toHexString());

      await collection.updateOne({ _id: changed._id }, { $set: { ...change, last_updated: new Date() } });
      await expect(cell(target, field)).toHaveText(after);

      const strangers = await rows(page, topic).evaluateAll((all) =>
        (all as any[]).filter((tr) => tr.mark !== tr.dataset.id || [...tr.cells].some((td: any) => td.mark !== `${tr.dataset.id} ${td.dataset.field}`))
          .map((tr) => tr.dataset.id));
      expect(strangers, 'rows that are not the same objects as before').toEqual([]);
      expect(await rows(page, topic).count()).toBe(count);
      expect(await page.evaluate(() => (window as any).watch.moved), 'rows added, removed or moved').toBe(0);
      expect(await rows(page, topic).evaluateAll(others, changed._id.toHexString())).toEqual(textBefore);
    } finally {
      await collection.deleteMany({ _id: { $in: [still._id, changed._id] } });
    }
  });
}

test('the figures on Overview follow the database on both instances', async ({ browserOn, db }) => {
  const pages = [await browserOn(0), await browserOn(1)];
  for (const page of pages) await openLive(page, '/');
  const active = () => db.collection('charging_sessions').countDocuments({ status: 'ACTIVE' });
  const shown = (count: number) => new RegExp(`^${count.toLocaleString('en-GB')}\\s*$`);
  const before = await active();
  for (const page of pages) await expect(figure(page, 'active_sessions')).toHaveText(shown(before));

  const started = session();
  await db.collection('charging_sessions').insertOne(started);
  for (const page of pages) await expect(figure(page, 'active_sessions')).toHaveText(shown(before + 1));

  await db.collection('charging_sessions').updateOne(
    { _id: started._id },
    { $set: { status: 'COMPLETED', end_date_time: new Date(), last_updated: new Date() } },
  );
  for (const page of pages) await expect(figure(page, 'active_sessions')).toHaveText(shown(before));
  await db.collection('charging_sessions').deleteOne({ _id: started._id });
});

test('a document of unexpected shape is shown as far as readable and stops nothing', async ({ browserOn, db }) => {
  const page = await browserOn(0);
  await openLive(page, LIST.charging_sessions);
  const collection = db.collection('charging_sessions');
  const odd = session({ energy_wh: 'a lot', status: ['?'], start_date_time: new Date() });
  const next = session();
  try {
    await collection.insertOne(odd);
    await collection.insertOne(next);
    await expect(row(page, 'charging_sessions', odd._id.toHexString())).toBeVisible();
    await expect(cell(row(page, 'charging_sessions', next._id.toHexString()), 'energy_wh')).toHaveText(/12\.3/);
  } finally {
    await collection.deleteMany({ _id: { $in: [odd._id, next._id] } });
  }
});

test('a document that goes and comes back between two paints is followed on', async ({ browserOn, db }) => {
  const { document, change, field, before, after } = SAMPLES.payments;
  const written = document();
  const id = written._id.toHexString();
  const collection = db.collection('payments');
  const page = await browserOn(0);
  // While held, the page gets changes and paints none.
  await page.addInitScript(() => {
    const paint = window.requestAnimationFrame.bind(window);
    const waiting: FrameRequestCallback[] = [];
    const held = Object.assign(window as any, { held: false });
    window.requestAnimationFrame = (draw) => (held.held ? waiting.push(draw) : paint(draw));
    held.release = () => {
      held.held = false;
      waiting.splice(0).forEach(paint);
    };
  });
  let told = 0;
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => {
    // The Overview's figures name the newest documents, too.
    if (String(payload).includes(id) && !String(payload).includes('overview')) told += 1;
  }));
  await collection.insertOne(written);
  try {
    await openLive(page, LIST.payments);
    await expect(cell(row(page, 'payments', id), field)).toHaveText(before);
    await page.evaluate(() => ((window as any).held = true));
    for (const write of [() => collection.deleteOne({ _id: written._id }), () => collection.insertOne(written)]) {
      const known = told;
      await write();
      await expect.poll(() => told).toBeGreaterThan(known);
    }
    await page.evaluate(() => (window as any).release());
    await collection.updateOne({ _id: written._id }, { $set: { ...change, last_updated: new Date() } });
    await expect(cell(row(page, 'payments', id), field)).toHaveText(after);
  } finally {
    await collection.deleteOne({ _id: written._id });
  }
});

test('a hidden page is told nothing but that the server lives, and catches up at once when it is seen', async ({ browserOn, db }) => {
  const page = await browserOn(0);
  await page.addInitScript(() => {
    let hidden = false;
    Object.defineProperty(document, 'hidden', { get: () => hidden });
    (window as any).hide = (now: boolean) => {
      hidden = now;
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    };
  });
  const told: string[] = [];
  const said: string[] = [];
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => told.push(String(payload)));
    socket.on('framesent', ({ payload }) => said.push(String(payload)));
  });
  const clients = db.collection('clients');
  const written = { ...SAMPLES.clients.document(), name: 'Hidden 0' };
  const id = written._id.toHexString();
  await clients.insertOne(written);
  try {
    await openLive(page, LIST.clients);
    const shown = cell(row(page, 'clients', id), 'name');
    await expect(shown).toContainText('Hidden 0');
    await page.evaluate(() => (window as any).hide(true));
    await expect.poll(() => said.at(-1)).toContain('"hidden":true');
    const about = () => told.filter((frame) => frame.includes('Hidden '));
    const before = about().length;
    // Another page gets each of them; the server knows that this one is hidden by the time it has asked for it.
    const other = await browserOn(0);
    await openLive(other, LIST.clients);
    for (let n = 1; n <= 5; n++) {
      await clients.updateOne({ _id: written._id }, { $set: { name: `Hidden ${n}` } });
      await expect(cell(row(other, 'clients', id), 'name')).toContainText(`Hidden ${n}`);
    }
    expect(about().length, 'frames about what nobody sees').toBe(before);
    await page.evaluate(() => (window as any).hide(false));
    await expect(shown).toContainText('Hidden 5');
    expect(about().slice(before).filter((frame) => frame.includes('"clients"') && !frame.includes('overview')).length, 'the catch-up').toBe(1);
  } finally {
    await clients.deleteOne({ _id: written._id });
  }
});

test('a page that is opened while rows come and go comes alive', async ({ browserOn, db }) => {
  const page = await browserOn(0);
  const stations = db.collection<{ _id: string }>('stations');
  let going = true;
  const writing = (async () => {
    for (let n = 0; going; n++) {
      await stations.insertOne({ _id: `busy-${n}`, name: `Busy ${n}`, created_at: new Date(), connection: 'ONLINE' } as never);
      if (n >= 20) await stations.deleteOne({ _id: `busy-${n - 20}` });
    }
  })();
  try {
    // What the browser's program finds otherwise than it was told ends it, which is a complaint.
    for (let n = 0; n < 12; n++) await openLive(page, LIST.stations);
  } finally {
    going = false;
    await writing;
    await stations.deleteMany({ _id: /^busy-/ });
  }
});

test('a page tells its program each row once', async ({ browserOn }) => {
  const page = await browserOn(0);
  const html = await (await page.request.get(LIST.stations)).text();
  const told = [...html.matchAll(/<script[^>]*>(.*?)<\/script>/gs)].map(([, script]) => script).join('');
  const drawn = [...html.matchAll(/<tr role="row" data-id="&quot;([^"&]+)&quot;"/g)].map(([, id]) => id);
  expect(drawn.length).toBeGreaterThan(0);
  // JSON in a string of JSON in a string of a script.
  for (const id of drawn) expect(told.split(String.raw`\"id\":\"\\\"${id}\\\"`).length - 1, id).toBe(1);
});

test('a page whose program stops says so, and loads again', async ({ browserOn, complaints }) => {
  complaints.allow(/panicked/, /unreachable/);
  const page = await browserOn(0);
  let loads = 0;
  page.on('load', () => (loads += 1));
  // What the browser's program finds otherwise than it was told ends it.
  await page.addInitScript(() => {
    if (sessionStorage.getItem('broken')) return;
    new MutationObserver((_, observer) => {
      const row = document.querySelector('tr[data-id]');
      if (!row) return;
      observer.disconnect();
      row.remove();
      sessionStorage.setItem('broken', 'once');
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(LIST.stations);
  await expect(page.getByRole('alert')).toContainText('This page has stopped');
  await expect.poll(() => loads).toBe(2);
  await live(page);
});

test('a page whose program cannot be had says so, and loads again once it can', async ({ browserOn, complaints }) => {
  complaints.allow(...SERVER_AWAY, /imported module/, /readyz/, /503/);
  const page = await browserOn(0);
  let away = true;
  await page.route('**/pkg/*.js', (route) => (away ? route.abort() : route.continue()));
  await page.route('/readyz', (route) => (away ? route.fulfill({ status: 503 }) : route.continue()));
  await page.goto(LIST.stations);
  const banner = page.getByRole('alert').filter({ hasText: 'This page has stopped' });
  await expect(banner).toBeVisible();
  await expect(connection(page)).toBeHidden();
  // What the server drew can be read meanwhile.
  await expect(page.locator('tr[data-id]').first()).toBeVisible();
  away = false;
  await live(page);
  await expect(banner).toBeHidden();

  // What stops again within a minute is left to the reader: no time that passes lets the page ask for its server.
  away = true;
  let asked = 0;
  page.on('request', (request) => (asked += Number(request.url().endsWith('/readyz'))));
  await page.clock.install();
  await page.reload();
  await expect(banner).toBeVisible();
  away = false;
  await page.clock.fastForward(30_000);
  await page.evaluate(() => fetch('/readyz'));
  expect(asked).toBe(1);
  await banner.getByRole('button', { name: 'Load again' }).click();
  await live(page);
});
