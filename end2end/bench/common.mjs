// What the loads have in common. They are told by scripts/bench, in the environment, where everything is.
import { MongoClient } from 'mongodb';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';

export const { BENCH_ORIGIN: origin, BENCH_COOKIE: cookie, BENCH_PEER: peer } = process.env;
export const [serverPid, peerPid, seconds] = ['BENCH_PID', 'BENCH_PEER_PID', 'BENCH_SECONDS'].map((name) => Number(process.env[name]));

/** Runs `use` with the operator's database, and the client. */
export async function withDatabase(use) {
  const client = await new MongoClient(process.env.MONGODB_URI).connect();
  try {
    return await use(client.db(process.env.MONGODB_DB), client);
  } finally {
    await client.close();
  }
}

/** KiB that belong to the process alone; what it shares with others is not what a load costs. */
export function privateKib(pid) {
  const sizes = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_(?:Clean|Dirty): +(\d+)/gm);
  return [...sizes].reduce((sum, [, kib]) => sum + Number(kib), 0);
}

const AT_ONCE = 5_000;
const DAYS = 300;
const day = 86_400_000;

/** Some time of the last months. */
export const sometime = () => new Date(Date.now() - Math.random() * DAYS * day);

/** Makes a session that has ended. */
export const session = (of) => (n) => {
  const begun = sometime();
  return {
    _id: `${of}-${n}`, session_id: `${of.toUpperCase()}-${n}`, client_id: `C-${n % 5000}`, station_id: `ST-${n % 200}`, status: 'COMPLETED',
    start_date_time: begun, end_date_time: new Date(+begun + day / 24), energy_wh: 12_000 + (n % 5000), total_cost_minor: 500, currency: 'GBP',
  };
};

export async function insert(collection, count, document) {
  for (let n = 0; n < count; n += AT_ONCE) {
    await collection.insertMany(Array.from({ length: AT_ONCE }, (_, i) => document(n + i)), { ordered: false });
  }
}

export const mib = (kib) => (kib / 1024).toFixed(1);

/** Opens a WebSocket that is read and counted, and says `hello` if there is any. Resolves after the handshake. */
export function open(url, headers, hello) {
  return new Promise((resolve, reject) => {
    const handshake = request(url, {
      headers: {
        Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers,
      },
    });
    handshake.on('error', reject).on('response', ({ statusCode }) => reject(new Error(`no handshake: ${statusCode}`)));
    handshake.on('upgrade', (_, socket, head) => {
      const opened = { socket, bytes: head.length, say: (text) => socket.write(masked(text)) };
      socket.on('data', (data) => (opened.bytes += data.length)).on('error', () => {});
      if (hello) opened.say(hello);
      resolve(opened);
    });
    handshake.end();
  });
}

/** A text of less than 64 KiB as a client's frame; a mask of zeros leaves it as it is. */
function masked(text) {
  const bytes = Buffer.from(text);
  const length = bytes.length < 126 ? [0x80 | bytes.length] : [0x80 | 126, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), bytes]);
}
