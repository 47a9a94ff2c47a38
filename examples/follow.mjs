// Follows one topic of ChargeDeck, written from docs/live.md alone. Needs Node 20 and no package:
//
//     EMAIL=… PASSWORD=… node examples/follow.mjs http://127.0.0.1:3000 clients
//
// Prints what a page would show as a line of JSON, anew after each change, and each reset as a line of its own. A topic with
// a question mark, such as "overview?zone=Europe/London", is a board.

import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

const [origin, topic] = process.argv.slice(2);
const board = topic.includes("?");
// The order of the lists, and how many rows are shown.
const OTHERS = { stations: "name", charging_sessions: "start_date_time", eco_stats: "period_start" };
const BY = OTHERS[topic] ?? "created_at";
const SHOWN = topic === "stations" ? 500 : 50;
let cookie;
// What is shown: rows by id, or a board's values; up to where; and as of when.
let [rows, values, received, ct] = [new Map(), {}, undefined, ""];
// Of the last snapshot: its time, and the row after which nothing is known.
let [floor, horizon] = ["", undefined];

async function signIn() {
  const body = JSON.stringify({ email: process.env.EMAIL, password: process.env.PASSWORD });
  const headers = { "Content-Type": "application/json", Origin: origin };
  const answer = await fetch(`${origin}/api/v1/session`, { method: "POST", headers, body });
  if (answer.status !== 204) throw new Error(await answer.text());
  cookie = answer.headers.getSetCookie().map((set) => set.split(";")[0]).join("; ");
}

async function takeSnapshot(minPosition) {
  for (;;) {
    const query = new URLSearchParams({ ...(minPosition && { min_position: minPosition }), ...(ct && { min_ct: ct }) });
    const answer = await fetch(`${origin}/api/v1/snapshot/${topic}?${query}`, { headers: { Cookie: cookie } });
    const body = await answer.json();
    if (answer.status === 401) throw closed(4001);
    // The epoch of the position has ended, or is unknown: take what there is, but nothing of before `ct`.
    if (answer.status === 409) minPosition = undefined;
    else if (answer.status === 429 || answer.status === 503) await sleep(1000 * answer.headers.get("Retry-After"));
    else if (answer.status !== 200) throw new Error(`no snapshot: ${JSON.stringify(body)}`);
    // Time never goes back.
    else if (body.ct < ct) await sleep(1000);
    else {
      rows = new Map(body.rows.map(({ id, fields }) => [id, fields]));
      horizon = body.complete ? undefined : body.rows.at(-1);
      [received, floor, ct] = [body.position, body.ct, body.ct];
      return print();
    }
  }
}

// Before or after, as the list stands: stations by name, the others newest first; what has neither stands first or last.
function compare(a, b) {
  const order = (x, y) => (x < y ? -1 : x > y ? 1 : 0);
  if (topic === "stations") return order(a.fields.name ?? "", b.fields.name ?? "") || order(a.id, b.id);
  const time = ({ fields }) => Date.parse(fields[BY]) || -Infinity;
  return order(time(b), time(a)) || order(b.id, a.id);
}

// Of a position everything but the number after the dash is opaque: it tells epochs apart, and nothing else.
function parse(position) {
  const [epoch, seq] = position.split("-");
  return { epoch, seq: BigInt(seq) };
}

// What is to be done next: nothing, a new snapshot, or a new subscription.
function apply(delta) {
  const [from, to, at] = [delta.from, delta.to, received].map(parse);
  if (to.epoch !== at.epoch) return "snapshot";
  if (to.seq <= at.seq) return;
  if (from.seq > at.seq) return "subscribe";
  if (delta.ct > floor) {
    for (const { id, put, patch, unset = [], delete: gone } of delta.changes) {
      const before = rows.get(id);
      // A row outside the window: what it has become is not known, but whether its place has changed is.
      if (patch && !before && [...Object.keys(patch), ...unset].includes(BY)) return "snapshot";
      if (gone) rows.delete(id);
      if (gone || (patch && !before)) continue;
      const fields = put ?? { ...before, ...patch };
      for (const name of unset) delete fields[name];
      rows.set(id, fields);
      if (horizon && compare({ id, fields }, horizon) > 0) rows.delete(id);
    }
  }
  received = delta.to;
  if (delta.ct > ct) ct = delta.ct;
  if (horizon && rows.size < SHOWN) return "snapshot";
  if (delta.changes.length) print();
}

// A board has no snapshot: the first delta after each subscription holds all its values.
function applyToBoard({ ct: time, to, changes }) {
  if (time < ct) return "subscribe";
  [ct, received] = [time, to];
  for (const { put, patch, unset = [] } of changes) {
    values = put ?? { ...values, ...patch };
    for (const name of unset) delete values[name];
  }
  print();
}

function print() {
  const all = [...rows].map(([id, fields]) => ({ id, fields })).sort(compare);
  console.log(JSON.stringify(board ? { ct, values } : { position: received, ct, rows: all.slice(0, SHOWN) }));
}

async function follow() {
  if (!cookie) await signIn();
  if (!board && !received) await takeSnapshot();
  const socket = await connect();
  try {
    let [rid, confirmed, parts] = [0, false, []];
    const send = (message) => socket.write(frame(1, Buffer.from(JSON.stringify(message))));
    const subscribe = () => {
      [confirmed, parts] = [false, []];
      send({ type: "subscribe", rid: ++rid, topics: [topic], positions: received ? { [topic]: received } : {} });
    };
    for await (const message of messages(socket)) {
      let next;
      if (message.type === "welcome") next = "subscribe";
      else if (message.type === "ping") send({ type: "pong", n: message.n });
      else if (message.type === "error") throw new Error(message.message);
      else if (message.type === "subscribed") confirmed = message.rid === rid;
      else if (message.type === "reset") {
        console.log(JSON.stringify({ reset: message.reason }));
        // Nothing else may lead back in time.
        if (message.reason === "database_restored") ct = "";
        if (board) continue;
        await sleep(Math.random() * message.retry_ms);
        await takeSnapshot(message.min_position);
        next = "subscribe";
      } else if (message.changes && confirmed) {
        // The parts of a delta belong together.
        parts.push(...message.changes);
        if (message.more) continue;
        const delta = { ...message, changes: parts };
        parts = [];
        next = board ? applyToBoard(delta) : apply(delta);
      }
      if (next === "snapshot") await takeSnapshot();
      if (next && board && confirmed) await sleep(1000);
      if (next) subscribe();
    }
  } finally {
    socket.destroy();
  }
}

const closed = (code) => Object.assign(new Error(`closed with ${code}`), { code });

function connect() {
  const asked = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Protocol": "chargedeck.v1.json" };
  const key = { "Sec-WebSocket-Version": 13, "Sec-WebSocket-Key": randomBytes(16).toString("base64") };
  const headers = { ...asked, ...key, Origin: origin, Cookie: cookie };
  return new Promise((resolve, reject) => {
    const request = (origin.startsWith("https:") ? https : http).get(`${origin}/live`, { headers });
    request.on("upgrade", (_, socket, head) => {
      // The server pings every five seconds: a line that is silent for longer is dead.
      socket.setTimeout(15_000, () => socket.destroy(new Error("silence"))).unshift(head);
      resolve(socket);
    });
    request.on("response", ({ statusCode }) => reject(closed(statusCode === 401 ? 4001 : statusCode)));
    request.on("error", reject);
  });
}

function frame(kind, body) {
  const mask = randomBytes(4);
  const size = body.length < 126 ? [128 | body.length] : [128 | 126, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([128 | kind, ...size]), mask, body.map((byte, i) => byte ^ mask[i & 3])]);
}

async function* messages(socket) {
  let [bytes, parts] = [Buffer.alloc(0), []];
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      let [size, at] = [bytes[1] & 127, 2];
      if (size === 126 && bytes.length >= 4) [size, at] = [bytes.readUInt16BE(2), 4];
      else if (size === 127 && bytes.length >= 10) [size, at] = [Number(bytes.readBigUInt64BE(2)), 10];
      if (bytes.length < 2 || (size > 125 && at === 2) || bytes.length < at + size) break;
      const [kind, last, body] = [bytes[0] & 15, bytes[0] & 128, bytes.subarray(at, at + size)];
      bytes = bytes.subarray(at + size);
      if (kind === 8) throw closed(body.length ? body.readUInt16BE(0) : 1005);
      if (kind === 9) socket.write(frame(10, body));
      if (kind < 8) parts.push(body);
      if (kind < 8 && last) yield JSON.parse(Buffer.concat(parts.splice(0)));
    }
  }
}

for (let pause = 500; ; pause = Math.min(2 * pause, 10_000)) {
  await follow().catch((error) => {
    console.error(error.message);
    // Signed out, or the session has a new id.
    if ([4001, 4002, 4003].includes(error.code)) cookie = undefined;
  });
  await sleep(Math.random() * pause);
}
