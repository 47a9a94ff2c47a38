// The real parts a test runs against: mongod, redis-server, chargedeck. Each is a child of this process, on a free
// port, with its log in a file, and can be killed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { replicaSet } from './replset.mjs';

export const ROOT = resolve(import.meta.dirname, '..');
const APP = process.env.CHARGEDECK_APP ?? join(ROOT, 'target/app');
const LOGS = join(ROOT, 'target/test/logs');
const running = new Set<ChildProcess>();

// The last resort: whatever ends this process, its parts end, too.
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export type Environment = Record<string, string>;

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A started process; its log is `target/test/logs/NAME.log`. */
export class Part {
  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {}

  static start(name: string, command: string, args: string[], environment: Environment = {}): Part {
    mkdirSync(LOGS, { recursive: true });
    const log = createWriteStream(join(LOGS, `${name}.log`), { flags: 'a' });
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once('error', (error) => log.write(`${command}: ${error.message}\n`));
    child.once('close', () => {
      running.delete(child);
      log.end();
    });
    running.add(child);
    return new Part(name, child);
  }

  /** The most memory that the process took so far, in bytes. */
  get peakMemory(): number {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))!;
    return Number(kilobytes) * 1024;
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined;
  }

  /** Asks again until `ready`; rejects when the part ends or a minute is over. */
  async until(ready: () => Promise<boolean>, seconds = 60): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!(await ready().catch(() => false))) {
      if (this.ended) throw new Error(`${this.name} ended while starting: see target/test/logs/${this.name}.log`);
      if (Date.now() > deadline) throw new Error(`${this.name} is not ready after ${seconds} s: see target/test/logs/${this.name}.log`);
      await pause(50);
    }
  }

  /** Lets it neither run nor end, as a machine that hangs; or go on. */
  freeze(on: boolean): void {
    this.child.kill(on ? 'SIGSTOP' : 'SIGCONT');
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.ended) return;
    const closed = once(this.child, 'exit');
    this.child.kill(signal);
    if (signal === 'SIGKILL') return void (await closed);
    const insist = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    await closed;
    clearTimeout(insist);
  }
}

export async function startMongo(name: string, folder: string): Promise<{ part: Part; uri: string }> {
  const port = await freePort();
  const part = Part.start(name, process.env.MONGOD ?? 'mongod', [
    '--dbpath', folder, '--port', String(port), '--bind_ip', '127.0.0.1', '--replSet', 'chargedeck',
    '--wiredTigerCacheSizeGB', '0.5', '--nounixsocket', '--quiet',
  ]);
  await part.until(() => listens(port));
  return { part, uri: await replicaSet(port) };
}

export async function startRedis(name: string, folder: string): Promise<{ part: Part; url: string }> {
  const port = await freePort();
  const part = Part.start(name, process.env.REDIS_SERVER ?? 'redis-server', [
    '--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', '',
  ]);
  await part.until(() => answers(port));
  return { part, url: `redis://127.0.0.1:${port}/` };
}

async function listens(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1');
  try {
    socket.end('PING\r\n');
    const [reply] = await once(socket, 'data');
    return String(reply).startsWith('+PONG');
  } finally {
    socket.destroy();
  }
}

/** One instance of `chargedeck serve`, kept at its address over kill and start. */
export class Server {
  private part?: Part;

  private constructor(
    readonly name: string,
    readonly url: string,
    private readonly environment: Environment,
  ) {}

  static async start(name: string, environment: Environment): Promise<Server> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const server = new Server(name, url, {
      ...environment,
      LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
      LEPTOS_SITE_ROOT: join(APP, 'site'),
      CHARGEDECK_PUBLIC_ORIGIN: url,
      // Nobody asks before sending a page there.
      CHARGEDECK_LEAVE_WITHIN_S: '0',
    });
    await server.start();
    return server;
  }

  /** Resolves once `/readyz` answers 200. */
  async start(): Promise<void> {
    this.part = Part.start(this.name, join(APP, 'chargedeck'), ['serve'], this.environment);
    await this.part.until(async () => (await fetch(`${this.url}/readyz`)).status === 200);
  }

  get peakMemory(): number {
    return this.part!.peakMemory;
  }

  async kill(): Promise<void> {
    await this.part?.end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.part?.end('SIGTERM');
  }
}

/** Runs a subcommand to its end, with `input` on standard input; resolves with what it printed, rejects if it fails. */
export async function chargedeck(args: string[], environment: Environment, input = ''): Promise<string> {
  const child = spawn(join(APP, 'chargedeck'), args, { cwd: ROOT, env: { ...process.env, ...environment } });
  let printed = '';
  child.stdout.on('data', (chunk) => (printed += chunk));
  child.stderr.on('data', (chunk) => (printed += chunk));
  child.stdin.on('error', () => {}); // a command that reads nothing may have closed it
  child.stdin.end(input);
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`chargedeck ${args.join(' ')} ended with ${status}:\n${printed}`);
  return printed;
}
