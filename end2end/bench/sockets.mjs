// Many sockets for long: node sockets.mjs RATE LOADGEN ARGUMENTS…
// Runs the load generator and looks at the server's memory all the while.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { mib, privateKib, seconds, serverPid } from './common.mjs';

const EVERY_MS = 1000;
/** The first seconds of writing fill the log's window and every socket's buffers. */
const SETTLING_MS = Math.min(10, seconds / 2) * 1000;

const samples = [];
const watching = setInterval(() => samples.push({ at: Date.now(), kib: privateKib(serverPid) }), EVERY_MS);
const [rate, loadgen, ...rest] = process.argv.slice(2);
const running = spawn(loadgen, [...rest, '--rate', rate, '--seconds', String(seconds)], { stdio: ['ignore', 'pipe', 'inherit'] });
const result = JSON.parse(await text(running.stdout));
clearInterval(watching);

// The generator ends when nothing more arrives, about when it has written.
const from = Date.now() - result.wrote_in_s * 1000 + SETTLING_MS;
const memory = samples.filter(({ at }) => at > from).map(({ kib }) => kib);
const cells = [
  rate, `${result.wrote_in_s} s`, ...['p50_ms', 'p90_ms', 'p99_ms', 'max_ms'].map((key) => Math.round(result[key])),
  `${result.markers} of ${result.expected}`, `${result.last_states} of ${result.states}`, result.lost,
  `${mib(memory[0])}, ${mib(Math.min(...memory))} to ${mib(Math.max(...memory))}, ${mib(memory.at(-1))}`,
  `${(result.frames / result.clients / result.wrote_in_s).toFixed(1)}`, `${(result.server_cpu_s / result.wrote_in_s).toFixed(2)}`,
];
console.log(`| ${cells.join(' | ')} |`);
// A change that was overtaken need not arrive; the last of each document must.
if (result.lost > 0 || result.last_states !== result.states || result.states === 0) process.exitCode = 1;
