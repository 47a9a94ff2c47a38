// One MongoDB, one Redis and two instances of the server for the whole run, with the network that `seed` makes and
// one admin. Tests live in another process; they reach the instances through a small control port.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { chargedeck, Part, Server, startMongo, startRedis } from './parts.ts';

/** What tests are told about the running parts, as JSON in `CHARGEDECK_STACK`. */
export interface Stack {
  mongo: string;
  redis: string;
  urls: [string, string];
  control: string;
  admin: { email: string; password: string };
}

const ADMIN = { email: 'tester@example.com', password: 'correct horse battery staple 42' };

export default async function setup(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'chargedeck-test-'));
  const parts: Part[] = [];
  const servers: Server[] = [];
  const control = createServer();
  const teardown = async () => {
    control.close();
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all(parts.map((part) => part.end('SIGTERM')));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const mongo = await startMongo('mongod', mkdtempSync(join(folder, 'mongo-')));
    parts.push(mongo.part);
    const redis = await startRedis('redis', mkdtempSync(join(folder, 'redis-')));
    parts.push(redis.part);
    const environment = { MONGODB_URI: mongo.uri, REDIS_URL: redis.url };
    await chargedeck(['seed'], environment);
    await chargedeck(['admin', 'create', ADMIN.email], environment, `${ADMIN.password}\n`);
    servers.push(await Server.start('server-0', environment), await Server.start('server-1', environment));

    control.on('request', async (request, response) => {
      const [, verb, number] = request.url!.split('/');
      try {
        if (verb === 'freeze') mongo.part.freeze(number === 'on');
        else await (verb === 'kill' ? servers[Number(number)]!.kill() : servers[Number(number)]!.start());
        response.end();
      } catch (error) {
        response.writeHead(500).end(String(error));
      }
    });
    control.listen(0, '127.0.0.1');
    await once(control, 'listening');
    const stack: Stack = {
      mongo: mongo.uri,
      redis: redis.url,
      urls: [servers[0]!.url, servers[1]!.url],
      control: `http://127.0.0.1:${(control.address() as AddressInfo).port}`,
      admin: ADMIN,
    };
    process.env.CHARGEDECK_STACK = JSON.stringify(stack);
    return teardown;
  } catch (error) {
    await teardown();
    throw error;
  }
}
