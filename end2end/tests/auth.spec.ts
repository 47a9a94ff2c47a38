// Without a login nothing is served; with one, it ends when the admin signs out, everywhere.
import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, REFUSED, test } from '../fixtures.ts';
import { PAGES, LIST, TOPICS, alert, connection, live, openLive, signIn, signOut } from '../page.ts';

/** What a socket's upgrade is answered with; 101 is success, and then there is a socket. */
async function open(url: string, headers: Record<string, string> = {}): Promise<{ status: number; socket?: Socket }> {
  const asked = httpRequest(`${url}/live`, {
    headers: {
      Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', Origin: url,
      'Sec-WebSocket-Key': Buffer.from('0123456789abcdef').toString('base64'),
      'Sec-WebSocket-Protocol': 'chargedeck.v1.json', ...headers,
    },
  });
  asked.end();
  const opened = once(asked, 'upgrade').then(([, socket]) => ({ status: 101, socket: socket as Socket }));
  const refused = once(asked, 'response').then(([response]) => (response.resume(), { status: response.statusCode as number }));
  return Promise.race([opened, refused]);
}

async function upgrade(url: string, headers: Record<string, string> = {}): Promise<number> {
  const { status, socket } = await open(url, headers);
  socket?.destroy();
  return status;
}

test('without a login pages redirect, the API and the socket refuse', async ({ stack, playwright }) => {
  for (const url of stack.urls) {
    const request = await playwright.request.newContext({ baseURL: url });
    for (const path of PAGES) {
      const answer = await request.get(path, { maxRedirects: 0 });
      expect(answer.status(), path).toBe(303);
      expect(answer.headers()['location'], path).toMatch(/^\/login/);
      expect(await answer.text()).not.toContain('data-topic');
    }
    for (const topic of TOPICS) {
      expect((await request.get(`/api/v1/snapshot/${topic}`)).status(), topic).toBe(401);
    }
    expect(await upgrade(url)).toBe(401);
    expect(await upgrade(url, { Cookie: 'chargedeck=AAAAAAAAAAAAAAAAAAAAAA' })).toBe(401);
    expect((await request.get('/healthz')).status()).toBe(200);
    await request.dispose();
  }
});

test('a page keeps its own policy whatever is answered beside it, and nothing else gets it', async ({ browserOn }) => {
  const { request } = (await browserOn(0)).context();
  const policy = async (path: string): Promise<string> => (await request.get(path)).headers()['content-security-policy'] ?? '';
  // A server's thread turns to other requests while a page waits for its rows: not at every try.
  for (let round = 0; round < 25; round++) {
    const pages = [LIST.stations, LIST.payments].map(policy);
    const others = ['/theme.js', '/favicon.svg', '/fonts/inter.woff2', '/healthz'].map(policy);
    for (const of of await Promise.all(pages)) expect(of).toContain("'nonce-");
    for (const of of await Promise.all(others)) expect(of).toContain("default-src 'none'");
  }
});

test('with a login the socket opens for this origin only', async ({ stack, signedIn }) => {
  const Cookie = signedIn.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  expect(await upgrade(stack.urls[0], { Cookie })).toBe(101);
  expect(await upgrade(stack.urls[0], { Cookie, Origin: 'http://evil.example' })).toBe(403);
});

test('one account holds a hundred sockets, and gets another when one is closed', async ({ stack, signedIn }) => {
  const Cookie = signedIn.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  const sockets: Socket[] = [];
  try {
    let { status, socket } = await open(stack.urls[0], { Cookie });
    while (socket && sockets.length < 101) {
      sockets.push(socket);
      ({ status, socket } = await open(stack.urls[0], { Cookie }));
    }
    expect(status).toBe(429);
    // One of a page that has only just been closed may count still.
    expect(sockets.length).toBeGreaterThan(90);
    expect(sockets.length).toBeLessThanOrEqual(100);
    sockets.pop()!.destroy();
    await expect.poll(() => upgrade(stack.urls[0], { Cookie })).toBe(101);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test('a wrong password and an unknown e-mail are told in the same words', async ({ stack, browserOn, complaints }) => {
  complaints.allow(...REFUSED);
  const page = await browserOn(0, { storageState: undefined });
  await signIn(page, stack.admin.email, 'not the password');
  await expect(alert(page)).toBeVisible();
  const told = await alert(page).innerText();
  expect(told.trim()).not.toBe('');
  await signIn(page, 'nobody@example.com', 'not the password');
  await expect(alert(page)).toHaveText(told);
  await expect(page).toHaveURL(/\/login/);
  expect((await page.context().cookies()).filter(({ name }) => name.endsWith('chargedeck'))).toEqual([]);
});

test('after the login the page that was asked for opens, a foreign one never', async ({ stack, browserOn }) => {
  const page = await browserOn(0, { storageState: undefined });
  await page.goto(LIST.payments);
  await expect(page).toHaveURL(/\/login/);
  await page.locator('input[name=email]').fill(stack.admin.email);
  await page.locator('input[name=password]').fill(stack.admin.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${stack.urls[0]}${LIST.payments}`);
  await page.goto('/login');
  await expect(page, 'whoever is signed in is led on').toHaveURL(`${stack.urls[0]}/`);

  const stranger = await browserOn(0, { storageState: undefined });
  await stranger.goto('/login?next=%2F%2Fevil.example%2F');
  await stranger.locator('input[name=email]').fill(stack.admin.email);
  await stranger.locator('input[name=password]').fill(stack.admin.password);
  await stranger.getByRole('button', { name: 'Sign in' }).click();
  await expect(stranger).toHaveURL(`${stack.urls[0]}/`);
});

test("signing out closes that session's sockets, and no other's", async ({ stack, browserOn, complaints }) => {
  complaints.allow(...REFUSED);
  const other = await browserOn(1);
  await openLive(other, '/');

  const page = await browserOn(0, { storageState: undefined });
  await signIn(page, stack.admin.email, stack.admin.password);
  await expect(page).toHaveURL(`${stack.urls[0]}/`);
  await live(page);
  const state = await page.context().storageState();
  // The same session on the other instance: its socket must close, too.
  const elsewhere = await browserOn(1, { storageState: state });
  const opened = elsewhere.waitForEvent('websocket', { timeout: 10_000 });
  await openLive(elsewhere, LIST.stations);
  const socket = await opened;

  const closed = socket.waitForEvent('close', { timeout: 5_000 });
  await signOut(page);
  await expect(page).toHaveURL(/\/login/);
  await closed;
  await expect(connection(elsewhere).or(elsewhere.locator('input[name=password]'))).not.toHaveAttribute('data-connection', 'live');

  const Cookie = state.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  for (const url of stack.urls) expect(await upgrade(url, { Cookie })).toBe(401);
  await expect(connection(other)).toHaveAttribute('data-connection', 'live');
});

test('whoever uses a page tells the server so, now and then', async ({ browserOn, complaints }) => {
  // Time that jumps looks like a connection that was silent.
  complaints.allow(/WebSocket/, /net::ERR_/);
  const page = await browserOn(0);
  const told: string[] = [];
  page.on('request', (request) => void (request.url().endsWith('/api/v1/session/alive') && told.push(request.method())));
  await page.clock.install();
  await openLive(page, LIST.stations);
  await page.keyboard.press('Tab');
  await page.clock.fastForward(4 * 60_000);
  await page.keyboard.press('Tab');
  expect(told).toEqual([]);
  await page.clock.fastForward(2 * 60_000);
  await page.keyboard.press('Tab');
  await expect.poll(() => told).toEqual(['POST']);
  await page.keyboard.press('Tab');
  await page.mouse.click(300, 300);
  expect(told).toEqual(['POST']);
});

test('after signing out nothing is left of a page, nor on the way back, also without a network', async ({ browserOn, complaints, stack }) => {
  complaints.allow(...REFUSED, /net::ERR_/);
  const page = await browserOn(0, { storageState: undefined });
  const empty = async () => {
    await expect(page.locator('table, [data-figure]')).toHaveCount(0);
    expect(await page.content()).not.toContain(stack.admin.email);
  };
  await signIn(page, stack.admin.email, stack.admin.password);
  await openLive(page, LIST.clients);
  await signOut(page);
  await expect(page).toHaveURL(/\/login/);
  await page.goBack();
  await expect(page).toHaveURL(/\/login/);
  await empty();
  await page.context().setOffline(true);
  // There is nothing to go back to, which the browser says in its own way.
  await page.goBack({ waitUntil: 'commit' }).catch(() => null);
  await empty();
  await page.context().setOffline(false);
  await page.goto('/login');
  await signIn(page, stack.admin.email, stack.admin.password);
  await openLive(page, LIST.clients);
  // The server cannot be told, but the page goes all the same.
  await page.context().setOffline(true);
  await signOut(page);
  await page.waitForURL(/^chrome-error:/);
  await empty();
});

test('the browser keeps nothing but how the page looks', async ({ browserOn }) => {
  const page = await browserOn(0);
  for (const path of PAGES) await openLive(page, path);
  const kept = await page.evaluate(async () => ({
    local: Object.keys(localStorage), session: Object.keys(sessionStorage), cookie: document.cookie,
    databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
  }));
  expect(kept).toEqual({ local: [], session: [], cookie: '', databases: 0, caches: 0, workers: 0 });
  await page.evaluate(() => localStorage.clear());
});

test('odd messages to the socket are answered or end it, and harm nobody else', async ({ browserOn }) => {
  const page = await browserOn(0);
  await openLive(page, LIST.clients);
  /** What comes of a message: the error's code, or the code it is closed with. */
  const said = (messages: (string | number)[]) =>
    page.evaluate((messages) => new Promise<string | number>((tell) => {
      const socket = new WebSocket('/live', 'chargedeck.v1.json');
      socket.onopen = () => messages.forEach((of) => socket.send(typeof of === 'number' ? new Uint8Array(of) : of));
      socket.onmessage = ({ data }) => {
        const { type, code } = JSON.parse(data);
        if (type === 'error' && messages.length === 1) tell(code);
        if (type === 'error' && messages.length === 1) socket.close();
      };
      socket.onclose = ({ code }) => tell(code);
    }), messages);
  const subscribe = (more: object) => JSON.stringify({ type: 'subscribe', rid: 1, topics: ['stations'], ...more });
  for (const odd of ['', 'null', '[]', '{}', '7', '"subscribe"', '{"type":"drop"}', '\u0000', '['.repeat(9000), subscribe({ topics: 7 }), subscribe({ rid: -1 })]) {
    expect(await said([odd]), odd.slice(0, 40)).toBe('bad_message');
  }
  expect(await said([subscribe({ topics: ['__proto__'] })])).toBe('unknown_topic');
  expect(await said([subscribe({ topics: ['overview?zone=../../etc/passwd'] })])).toBe('unknown_topic');
  expect(await said([subscribe({ positions: { stations: { $gt: '' } } })])).toBe('bad_position');
  expect(await said([subscribe({ positions: { stations: '1-2-3' } })])).toBe('bad_position');
  expect(await said([16]), 'binary').toBe(1008);
  expect(await said(Array(30).fill('{}')), 'too many in a second').toBe(1008);
  expect(await said(['x'.repeat(20_000)]), 'too large').toBe(1008);
  await expect(connection(page)).toHaveAttribute('data-connection', 'live');
});

test('a page whose cookie is gone leads to the login when it asks for rows, though its socket is open', async ({ browserOn, complaints, db }) => {
  complaints.allow(...REFUSED);
  const page = await browserOn(0);
  await openLive(page, LIST.eco_stats);
  await page.context().clearCookies();
  // Whatever replaces a collection has every page take its rows anew.
  await db.collection('eco_stats').aggregate([{ $out: 'eco_stats' }]).toArray();
  await expect(page).toHaveURL(/\/login\?next=%2Feco$/);
});
