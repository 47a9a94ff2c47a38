// Makes a freshly started mongod a replica set of one and waits until it can be written to:
//   node replset.mjs PORT [SECONDS]
// The port may have changed since the last start, so a set that knows another address is told the new one.
import { MongoClient } from 'mongodb';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const NOT_YET_INITIALIZED = 94;
const NAME = 'chargedeck';

/** Resolves with the connection string once the node is primary; rejects when `seconds` are over. */
export async function replicaSet(port, seconds = 60) {
  const host = `127.0.0.1:${port}`;
  const deadline = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < deadline) {
    // A client whose first connection failed stays closed: a new one for each attempt.
    const client = new MongoClient(`mongodb://${host}/?directConnection=true`, { serverSelectionTimeoutMS: 1000 });
    try {
      if (await isPrimary(client.db('admin'), host)) return `mongodb://${host}/?replicaSet=${NAME}`;
    } catch (error) {
      last = error;
    } finally {
      await client.close();
    }
    await pause(100);
  }
  throw new Error(`mongod on ${host} is not writable after ${seconds} s: ${last?.message ?? 'no primary elected'}`);
}

async function isPrimary(admin, host) {
  const members = [{ _id: 0, host }];
  const config = await admin.command({ replSetGetConfig: 1 }).catch((error) => {
    if (error.code === NOT_YET_INITIALIZED) return null;
    throw error;
  });
  if (!config) {
    await admin.command({ replSetInitiate: { _id: NAME, members } });
  } else if (config.config.members[0].host !== host) {
    const version = config.config.version + 1;
    await admin.command({ replSetReconfig: { ...config.config, version, members }, force: true });
  }
  return (await admin.command({ hello: 1 })).isWritablePrimary;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [port, seconds] = process.argv.slice(2).map(Number);
  console.log(await replicaSet(port, seconds));
}
