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
      const opened = { socket, bytes: head.length };
      socket.on('data', (data) => (opened.bytes += data.length)).on('error', () => {});
      if (hello) socket.write(masked(hello));
      resolve(opened);
    });
    handshake.end();
  });
}

/** A short text as a client's frame; a mask of zeros leaves it as it is. */
function masked(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}
