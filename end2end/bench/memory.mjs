// What an idle socket costs: private memory of the server with sockets, less that without, divided by their number.
import { setTimeout as pause } from 'node:timers/promises';
import { cookie, open, origin, peer, peerPid, privateKib, serverPid, withDatabase } from './common.mjs';

const SOCKETS = 2000;
/** Opened, written to and closed before, so that what is made only once is not counted. */
const BEFORE = 100;
const FRAME = 32 << 10;
const SETTLED_MS = 3000;

const signedIn = { Cookie: cookie, Origin: origin, 'Sec-WebSocket-Protocol': 'chargedeck.v1.json' };
const subscribe = '{"type":"subscribe","rid":1,"topics":["stations"]}';

/** A station whose document takes about a frame. */
const evses = Array.from({ length: 126 }, (_, n) => ({
  uid: `ST-0-${n}`, status: 'AVAILABLE', physical_reference: String(n).padEnd(120, 'x'),
  connectors: [{ id: '1', standard: 'IEC_62196_T2', max_electric_power: 22_000 }],
}));

async function openAll(count, ...how) {
  const sockets = [];
  while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => open(...how)))));
  return sockets;
}

async function arrived(sockets, bytes) {
  for (let tenths = 0; sockets.some((socket) => socket.bytes < bytes); tenths++) {
    if (tenths > 200) throw new Error(`${sockets.filter((socket) => socket.bytes < bytes).length} sockets lack what was sent`);
    await pause(100);
  }
}

/** Writes one large change and waits until every socket has it. */
async function frame(sockets) {
  const before = Math.max(...sockets.map(({ bytes }) => bytes));
  await withDatabase(async (db) => {
    const stations = db.collection('stations');
    const { evses: small } = await stations.findOne({ station_id: 'ST-0' });
    await stations.updateOne({ station_id: 'ST-0' }, { $set: { evses } });
    await arrived(sockets, before + FRAME * 0.8);
    await stations.updateOne({ station_id: 'ST-0' }, { $set: { evses: small } });
  });
  return Math.round((sockets.reduce((sum, { bytes }) => sum + bytes, 0) / sockets.length - before) / 1024);
}

async function measured(name, pid, url, headers, hello) {
  const round = async (count, hello, then) => {
    const sockets = await openAll(count, url, headers, hello);
    await arrived(sockets, 1);
    await pause(SETTLED_MS);
    const opened = privateKib(pid);
    const received = await then?.(sockets);
    await pause(SETTLED_MS);
    const written = privateKib(pid);
    sockets.forEach(({ socket }) => socket.destroy());
    await pause(SETTLED_MS);
    return { opened, written, received };
  };
  await round(BEFORE, hello, frame);
  const without = privateKib(pid);
  // Where there is nothing to subscribe to, a socket that is open is one that gets everything.
  const idle = await round(SOCKETS, headers['Sec-WebSocket-Protocol'] ? undefined : hello);
  const between = privateKib(pid);
  const framed = await round(SOCKETS, hello, frame);
  const each = (kib) => ((kib - without) / SOCKETS).toFixed(1);
  console.log(`| ${name} | ${each(idle.opened)} | ${each(framed.opened)} | ${each(framed.written)} (${framed.received} KiB each) | ${each(between)}, ${each(privateKib(pid))} |`);
}

console.log('| KiB of private memory per socket | handshake | subscribed | after one frame | left when closed, first and second time |');
console.log('|---|---|---|---|---|');
await measured('ChargeDeck', serverPid, `${origin}/live`, signedIn, subscribe);
if (peer) await measured('Node stack', peerPid, `${peer}/socket.io/?EIO=4&transport=websocket&role=admin`, {}, '40');
