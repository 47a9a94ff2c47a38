// Twenty admins at their pages and lists, one of whom asks for all at once now and then: what the others feel.
//   node hostile.mjs fill | others COOKIE... (the first is the hostile one's) | attack (as the child of `others`)
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { insert, open, origin, seconds, session, withDatabase } from './common.mjs';

const SESSIONS = 100_000;
const ROUNDS = 5;
/** What the others may feel: their p99 with the hostile one, by that without. */
const RATIO_MAX = 1.5;
/** How long an admin looks at what was asked for, on the mean. */
const LOOKS_MS = 500;
const WRITES_MS = 50;
/** So long after the hostile one has come or gone nothing is measured. */
const SETTLED_MS = 1000;
const PATHS = [
  '/', '/stations', '/sessions', '/clients', '/payments', '/analytics', '/activity',
  '/api/v1/snapshot/stations', '/api/v1/snapshot/charging_sessions', '/api/v1/snapshot/charging_sessions?status=ACTIVE',
];
/** A client that says nothing for long is closed. */
const [VISIBLE, HEARD_MS] = ['{"type":"visibility","hidden":false}', 15_000];
const LISTS = 16;
const CHARTS = 5;
/** Boards that a socket asks for at a time. */
const BOARDS = 24;

const fill = () => withDatabase((db) => insert(db.collection('charging_sessions'), SESSIONS, session('hostile')));

const live = (cookie, topics) =>
  open(`${origin}/live`, { Cookie: cookie, Origin: origin, 'Sec-WebSocket-Protocol': 'chargedeck.v1.json' }, topics && subscribe(topics));
const subscribe = (topics) => JSON.stringify({ type: 'subscribe', rid: 1, topics });

/** Lists by slot, none like another. */
async function lists(cookie, list) {
  for (let n = 0; ; n++) {
    const path = `/api/v1/snapshot/charging_sessions?slot=${n % 7}.${list}@UTC&station=S${list}-${n}`;
    await fetch(origin + path, { headers: { Cookie: cookie } }).then((answer) => answer.arrayBuffer(), () => pause(100));
  }
}

/** Boards of long periods, others every second, on a socket anew. */
async function charts(cookie, socket) {
  for (let n = 0; ; n++) {
    const first = 30 + ((socket + CHARTS * n) * BOARDS) % 700;
    const topics = Array.from({ length: BOARDS }, (_, i) => `analytics?last=${first + i}d&by=day&against=before&zone=Europe/London`);
    const opened = await live(cookie, topics).catch(() => null);
    await pause(1000);
    opened?.socket.destroy();
  }
}

/** Topics that nobody knows, on a socket that is not read. */
async function deaf(cookie) {
  const topics = Array.from({ length: 60 }, (_, n) => `${n}${'x'.repeat(200)}`);
  for (;;) {
    const opened = await live(cookie).catch(() => null);
    opened?.socket.pause();
    while (opened && !opened.socket.destroyed) {
      opened.say(subscribe(topics));
      // As many as the protocol takes, and no more in this process than the server has room for.
      await pause(60);
      while (opened.socket.writableLength > 1 << 20 && !opened.socket.destroyed) await pause(60);
    }
    await pause(100);
  }
}

const attack = (cookie) => {
  process.on('disconnect', () => process.exit());
  const some = (count, ask) => Array.from({ length: count }, (_, n) => ask(cookie, n));
  return Promise.all([...some(LISTS, lists), ...some(CHARTS, charts), deaf(cookie)]);
};

/** Runs while `attack` does, or while it does not. */
async function phase(cookies, hostile, wrong) {
  const child = hostile && fork(import.meta.filename, ['attack', hostile]);
  await pause(SETTLED_MS);
  const until = performance.now() + seconds * 1000;
  const times = [];
  const look = async (cookie, at) => {
    for (let n = at; performance.now() < until; n++) {
      await pause(LOOKS_MS * 2 * Math.random());
      const began = performance.now();
      const answer = await fetch(origin + PATHS[n % PATHS.length], { headers: { Cookie: cookie } });
      await answer.arrayBuffer();
      times.push(performance.now() - began);
      if (!answer.ok) wrong[answer.status] = (wrong[answer.status] ?? 0) + 1;
    }
  };
  await Promise.all(cookies.map(look));
  if (child) {
    child.kill();
    await once(child, 'exit');
  }
  await pause(SETTLED_MS);
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.floor(times.length * part)];
  return { p50: at(0.5), p99: at(0.99), count: times.length };
}

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];

async function others(hostile, ...cookies) {
  await withDatabase(async (db) => {
    const stations = db.collection('stations');
    const writing = setInterval(() => {
      stations.updateOne({ station_id: `ST-${Math.floor(Math.random() * 200)}` }, { $set: { last_heartbeat_at: new Date() } }).catch(() => {});
    }, WRITES_MS);
    const screens = await Promise.all(cookies.map((cookie) => live(cookie, ['stations', 'overview?zone=UTC'])));
    const there = setInterval(() => screens.forEach((screen) => screen.say(VISIBLE)), HEARD_MS);
    const wrong = {};
    await phase(cookies, null, wrong);
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({ without: await phase(cookies, null, wrong), beside: await phase(cookies, hostile, wrong) });
    }
    [writing, there].forEach(clearInterval);
    const closed = screens.filter(({ socket }) => socket.destroyed).length;
    screens.forEach(({ socket }) => socket.destroy());
    const ratio = {};
    for (const key of ['p50', 'p99']) {
      const of = (which) => rounds.map((round) => round[which][key]);
      const ratios = rounds.map(({ without, beside }) => beside[key] / without[key]);
      ratio[key] = median(ratios);
      console.log(`${key} ${ratio[key].toFixed(2)} of what it is without (${ratios.map((r) => r.toFixed(2)).join(', ')}): ${median(of('beside')).toFixed(1)} of ${median(of('without')).toFixed(1)} ms`);
    }
    const count = rounds.reduce((sum, { without, beside }) => sum + without.count + beside.count, 0);
    console.log(`${count} answers, ${closed} sockets closed, answers that were none: ${JSON.stringify(wrong)}`);
    if (ratio.p99 > RATIO_MAX || closed > 0 || Object.keys(wrong).length > 0) process.exitCode = 1;
  });
}

const [what, ...rest] = process.argv.slice(2);
await { fill, others, attack }[what](...rest);
