// Exports beside live work: admins who fetch files again and again.
//   node exports.mjs fill | load COOKIE... (until it is told to stop) | whole COOKIE (one file, to its last line)
import { setTimeout as pause } from 'node:timers/promises';
import { insert, origin, session, sometime, withDatabase } from './common.mjs';

const ENTRIES = Number(process.env.BENCH_ENTRIES ?? 0);
const SESSIONS = 200_000;
const ALL_ENTRIES = '/api/v1/audit.csv';
/** How many files of each kind an admin asks for at once. */
const FILES = [ALL_ENTRIES, '/api/v1/report.csv?by=day&last=365d'];

const entry = (n) => ({
  at: sometime(), action: 'login', result: 'ok', actor: { kind: 'nobody' }, address: '203.0.113.7',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', request_id: `past-${n}`,
});

async function fill() {
  if (!ENTRIES) throw new Error('BENCH_ENTRIES says how many entries');
  await withDatabase(async (db, client) => {
    await insert(db.collection('charging_sessions'), SESSIONS, session('past'));
    await insert(client.db(process.env.CHARGEDECK_DB).collection('audit_log'), ENTRIES, entry);
  });
}

const counted = {};
const stop = new AbortController();

async function again(path, cookie) {
  while (!stop.signal.aborted) {
    const answer = await fetch(origin + path, { headers: { Cookie: cookie }, signal: stop.signal });
    let length = 0;
    for await (const part of answer.body) length += part.length;
    const { [answer.status]: before = { files: 0, bytes: 0 } } = counted;
    counted[answer.status] = { files: before.files + 1, bytes: before.bytes + length };
    await pause(200, undefined, stop);
  }
}

const untilStopped = (error) => {
  if (!stop.signal.aborted) throw error;
};

async function load(...cookies) {
  process.on('SIGTERM', () => stop.abort());
  await Promise.all(cookies.flatMap((cookie) => FILES.map((path) => again(path, cookie).catch(untilStopped))));
  for (const [status, { files, bytes }] of Object.entries(counted)) console.log(`${status}: ${files} files, ${(bytes / 1e6).toFixed(1)} MB`);
}

async function whole(cookie) {
  const began = performance.now();
  const answer = await fetch(origin + ALL_ENTRIES, { headers: { Cookie: cookie } });
  let [bytes, lines] = [0, 0];
  for await (const part of answer.body) {
    bytes += part.length;
    for (const byte of part) lines += Number(byte === 10);
  }
  console.log(`one alone: ${lines} lines, ${(bytes / 1e6).toFixed(1)} MB, ${((performance.now() - began) / 1000).toFixed(1)} s`);
  if (!answer.ok || lines <= ENTRIES) throw new Error(`a file of ${ENTRIES} entries and its head has ${lines} lines`);
}

const [what, ...rest] = process.argv.slice(2);
await { fill, load, whole }[what](...rest);
