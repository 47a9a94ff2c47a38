// A network of a million sessions with a year behind it: how long pages, reports, totals and a start take, and the memory.
//   node million.mjs [FIRST]    FIRST: when the server was started, ms since 1970
import { setTimeout as pause } from 'node:timers/promises';
import { cookie, mib, origin, privateKib, serverPid, withDatabase } from './common.mjs';

const TRIES = 8;
/** An account may ask for the dearest page once a second. */
const BETWEEN_MS = 1_100;
const FIGURES_MS = 120_000;
const DAY_MS = 86_400_000;

const ask = async (path) => {
  const began = performance.now();
  const answer = await fetch(origin + path, { headers: { Cookie: cookie, Accept: 'text/html' }, redirect: 'manual' });
  const text = await answer.text();
  return { ms: performance.now() - began, status: answer.status, text };
};

const counted = (text) => /data-figure="sessions_today"[\s\S]*?class="figure"[^>]*>(?:<[^>]*>|\s)*\d/.test(text);

/** Milliseconds from the server's start until the Overview has its figures. */
async function figures(started) {
  while (!counted((await ask('/')).text)) {
    if (Date.now() - started > FIGURES_MS) throw new Error('the Overview has no figures');
    await pause(100);
  }
  return Date.now() - started;
}

/** One row: a question, or a new one for each try. */
async function row(name, asked, path) {
  const times = [];
  const statuses = new Set();
  for (let n = 0; n < TRIES; n++) {
    const { ms, status } = await ask(typeof path === 'string' ? path : path(n));
    times.push(ms);
    statuses.add(status);
    await pause(BETWEEN_MS);
  }
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  const p95 = at(0.95);
  console.log(`| ${name} | ${at(0.5).toFixed(0)} | ${p95.toFixed(0)} | ${asked} | ${(p95 / asked).toFixed(2)} | ${[...statuses].join(', ')} |`);
}

/** A list that nobody has asked for, so that no cache answers it. */
function list(n) {
  const from = new Date(Date.now() - (40 + 29 * n) * DAY_MS).toISOString().slice(0, 10);
  const to = new Date(Date.now() - (5 + 23 * n) * DAY_MS).toISOString().slice(0, 10);
  const station = `station=ST-${String(1 + 97 * n).padStart(3, '0')}`;
  const started = `started=${from}T00:00:00Z/${to}T00:00:00Z`;
  return `/sessions?status=COMPLETED&${[started, station, `${started}&${station}`][n % 3]}`;
}

const first = Number(process.argv[2] ?? Date.now());
console.log(`figures ${((await figures(first)) / 1000).toFixed(1)} s after the start (10 s are asked)`);
const documents = await withDatabase(async (db) => {
  const names = ['charging_sessions', 'payments', 'clients', 'stations', 'eco_stats'];
  return Promise.all(names.map(async (name) => `${await db.collection(name).estimatedDocumentCount()} ${name}`));
});
console.log(documents.join(', '));
console.log('| page, HTML | p50 ms | p95 ms | asked ms | p95 of what is asked | answers |\n|---|---|---|---|---|---|');
await row('Overview', 15, '/');
await row('Analytics, a year by day', 50, '/analytics?last=365d&by=day');
for (const by of ['day', 'week', 'month', 'station', 'city', 'client', 'method']) {
  await row(`Reports, a year by ${by}`, 100, `/reports?last=365d&by=${by}`);
}
await row('Sessions, filters that nobody asked for yet', 50, list);
console.log(`private memory: ${mib(privateKib(serverPid))} MiB (450 are asked)`);
