// What scripts/bench needs beside a shell: documents, a session, and a table.
//   node bench.mjs fill | cookie ORIGIN | table PEER < RESULTS | bytes LOAD < RESULTS | bare LOAD US < RESULTS | beside < RESULTS
import { readFileSync } from 'node:fs';
import { withDatabase } from './bench/common.mjs';

const STATIONS = 200;

async function fill() {
  const evse = (n, e, status, standard, power) => ({
    uid: `ST-${n}-${e}`, status, connectors: [{ id: '1', standard, max_electric_power: power }],
  });
  const station = (_, n) => ({
    station_id: `ST-${n}`, name: `Station ${n}`, address: `${n} Long Street`, city: 'Dundee', country_code: 'GB',
    vendor: 'ABB', model: 'Rapid 50', connection: 'ONLINE', last_heartbeat_at: new Date(),
    evses: [evse(n, 1, 'AVAILABLE', 'IEC_62196_T2', 22_000), evse(n, 2, 'CHARGING', 'IEC_62196_T2_COMBO', 50_000)],
  });
  await withDatabase((db) => db.collection('stations').insertMany(Array.from({ length: STATIONS }, station)));
}

async function cookie(origin) {
  const { EMAIL: email, PASSWORD: password } = process.env;
  const answer = await fetch(`${origin}/api/v1/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: origin },
    body: JSON.stringify({ email, password }),
  });
  if (!answer.ok) throw new Error(`signing in: ${answer.status}`);
  console.log(answer.headers.getSetCookie()[0].split(';')[0]);
}

const results = () => readFileSync(0, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const compact = (of) => results().find(({ load, who }) => load === of && who === 'chargedeck.v1');

/** Bytes of a frame with one change. */
const bytes = (load) => console.log(Math.round(compact(load).bytes_per_marker));

/** A load's processor time for each change, beside the microseconds that a frame takes a bare loop. */
function bare(load, us) {
  const { cpu_us_per_marker: ours } = compact(load);
  console.log(`${load}: ${(ours / us).toFixed(2)} of a bare loop's processor time (${ours} of ${us})`);
}

/** What exports do to the latency of what is live. */
function beside() {
  const all = results();
  const [alone, beside] = ['alone', 'beside'].map((who) => all.find((result) => result.load === 'exports' && result.who === who));
  const told = ['p50_ms', 'p99_ms'].map((key) => `${key.slice(0, 3)} ${(beside[key] / alone[key]).toFixed(2)} of what it is alone (${beside[key]} of ${alone[key]} ms)`);
  console.log(`    ${told.join(', ')}; ${beside.markers} of ${beside.expected} arrived`);
  if ([alone, beside].some(({ markers, expected }) => markers !== expected)) process.exitCode = 1;
}

/** Stacks that are measured beside it. */
const PEERS = ['peer', 'bun'];

/** One row per load and protocol, beside a peer; a load in which a change did not arrive is no measurement. */
function table(beside) {
  const all = results();
  const columns = { 'p50': 'p50_ms', 'p99': 'p99_ms', 'CPU per change': 'cpu_us_per_marker', 'bytes per change': 'bytes_per_marker' };
  console.log(`| load | protocol | ${Object.keys(columns).join(' | ')} | arrived |`);
  console.log(`|---|---|${'---|'.repeat(Object.keys(columns).length + 1)}`);
  for (const result of all.filter(({ who }) => !PEERS.includes(who))) {
    const peer = all.find(({ load, who }) => who === beside && load === result.load);
    const cells = Object.values(columns).map((key) =>
      peer ? `${(result[key] / peer[key]).toFixed(2)} (${result[key]} of ${peer[key]})` : `${result[key]}`);
    console.log(`| ${result.load} | ${result.who} | ${cells.join(' | ')} | ${result.markers} of ${result.expected} |`);
  }
  if (all.some(({ markers, expected }) => markers !== expected)) process.exitCode = 1;
}

const [what, ...rest] = process.argv.slice(2);
await { fill, cookie, table, bytes, bare, beside }[what](...rest);
