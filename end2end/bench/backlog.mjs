// What a server that was away has to make up for: node backlog.mjs write | bare FROM | follow FROM
// `write` prints where the changes begin; `bare` reads them with one cursor that does nothing with them; `follow` waits
// until ChargeDeck, which is just being started, has them all in its log.
import { Timestamp } from 'mongodb';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { withDatabase } from './common.mjs';

const CHANGES = 100_000;
const BATCH = 1000;
const PATIENCE_MS = 300_000;

/** Epoch and number of the log's last change. */
async function logEnd() {
  const { hostname, port } = new URL(process.env.REDIS_URL);
  const socket = connect(Number(port), hostname);
  socket.end(`XREVRANGE {chargedeck:${process.env.CHARGEDECK_DB}}:log + - COUNT 1\r\n`);
  let answer = '';
  for await (const part of socket) answer += part;
  const [, epoch, number] = answer.match(/^(\d+)-(\d+)\r$/m) ?? [];
  if (!epoch) throw new Error(`the log has no end: ${answer.slice(0, 80)}`);
  return { epoch, number: Number(number) };
}

async function write() {
  await withDatabase(async (db) => {
    const stations = db.collection('stations');
    const ids = (await stations.find({}, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id);
    const { operationTime } = await db.command({ ping: 1 });
    for (let done = 0; done < CHANGES; done += BATCH) {
      await stations.bulkWrite(Array.from({ length: BATCH }, (_, n) => ({
        updateOne: { filter: { _id: ids[(done + n) % ids.length] }, update: { $set: { name: `Backlog ${done + n}` } } },
      })));
    }
    const { epoch, number } = await logEnd();
    console.log([operationTime.toString(), epoch, number].join(':'));
  });
}

async function bare(from) {
  const [time] = from.split(':');
  await withDatabase(async (db) => {
    const startAtOperationTime = new Timestamp(BigInt(time) + 1n);
    const stage = { startAtOperationTime, fullDocument: 'whenAvailable', fullDocumentBeforeChange: 'whenAvailable' };
    const began = performance.now();
    // Raw: the driver hands the bytes on and makes no objects of them.
    const cursor = db.aggregate([{ $changeStream: stage }, { $match: { operationType: 'update' } }], { raw: true });
    let bytes = 0;
    for (let read = 0; read < CHANGES; read++) bytes += (await cursor.next()).length;
    const s = (performance.now() - began) / 1000;
    await cursor.close();
    console.log(JSON.stringify({ who: 'bare', seconds: s, bytes }));
  });
}

async function follow(from) {
  const [, epoch, number] = from.split(':');
  const began = performance.now();
  let moved;
  for (;;) {
    const end = await logEnd();
    const s = (performance.now() - began) / 1000;
    if (end.epoch !== epoch) throw new Error('a new epoch began: the log was not continued');
    const done = end.number - Number(number);
    if (done > 0) moved ??= { s, done };
    if (done >= CHANGES) {
      console.log(JSON.stringify({ who: 'log', seconds: s, moving: s - moved.s, moved: done - moved.done, done }));
      return;
    }
    if (s * 1000 > PATIENCE_MS) throw new Error(`after ${s} s the log has ${done} of ${CHANGES}`);
    await pause(20);
  }
}

const [what, argument] = process.argv.slice(2);
await { write, bare, follow }[what](argument);
