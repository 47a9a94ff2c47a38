// Documents of any kind, byte by byte: drivers write neither texts that are none nor dates beyond JavaScript's. What chance
// makes depends on a seed alone.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { BSON } from 'mongodb';
import type { Topic } from './page.ts';
import { ROOT } from './parts.ts';

/** Stands wherever nothing is read. */
export const CANARY = 'canary-51fe';

/** A value with the number of its type. */
export interface Value {
  type: number;
  bytes: Buffer;
}
export type Fields = [name: string, value: Value][];

const le = (bytes: number, write: (to: Buffer) => void) => {
  const to = Buffer.alloc(bytes);
  write(to);
  return to;
};
const count = (n: number) => le(4, (to) => to.writeInt32LE(n));
const ended = (text: string) => Buffer.from(`${text}\0`);
const lengthy = (text: string | Buffer) => {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([count(bytes.length + 1), bytes, Buffer.alloc(1)]);
};

export const text = (of: string | Buffer): Value => ({ type: 2, bytes: lengthy(of) });
export const double = (n: number): Value => ({ type: 1, bytes: le(8, (to) => to.writeDoubleLE(n)) });
const int = (n: number): Value => ({ type: 0x10, bytes: count(n) });
const long = (n: bigint, type = 0x12): Value => ({ type, bytes: le(8, (to) => to.writeBigInt64LE(BigInt.asIntN(64, n))) });
export const date = (ms: bigint): Value => long(ms, 9);

export function document(fields: Fields, type = 3): Value {
  const inner = fields.flatMap(([name, value]) => [Buffer.from([value.type]), ended(name), value.bytes]);
  const bytes = Buffer.concat([...inner, Buffer.alloc(1)]);
  return { type, bytes: Buffer.concat([count(bytes.length + 4), bytes]) };
}
export const list = (items: Value[]): Value => document(items.map((item, i) => [String(i), item]), 4);

/** A generator of chance. */
export class Chance {
  private state: number;

  constructor(seed: string) {
    this.state = createHash('sha256').update(seed).digest().readUInt32LE();
  }

  /** From 0 up to, and without, `n`. */
  below(n: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  }
  often = (n: number): boolean => this.below(n) > 0;
  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }
  some = (max: number): number[] => Array.from({ length: this.below(max + 1) }, (_, i) => i);
  bytes = (n: number): Buffer => Buffer.from(Array.from({ length: n }, () => this.below(256)));
}

/** The seed of this run: the commit's in `scripts/test`. */
export const seed = (): string => process.env.CHARGEDECK_SEED ?? randomBytes(8).toString('hex');

const TEXTS: (string | Buffer)[] = [
  '', '\0', '\0\0\0\0', 'AB-12\0\0\0\0', 'A\0B', '   ', '\n', '\u001b[31m', '\u202eabc', 'é\u0301', '👩‍👩‍👧‍👦', '\ufeff', '\ufffe',
  Buffer.from([0xe9, 0xff]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xf0, 0x9f]),
  '<script>document.title="x"</script>', '<!--', '-->', ']]>', '</td></tr></table>', '<!>', '&amp;&#0;', '"\'`', '{{x}}', '=1+1',
  'ACTIVE', 'COMPLETED', 'CHARGING', 'GBP', 'gbp', 'Europe/London', 'DAY', 'NETWORK', 'ONLINE', '2026-01-01', '9223372036854775807',
  'NaN', '1e400', 'null', '[object Object]', '__proto__', 'x'.repeat(3000), 'é'.repeat(1025), `${' '.repeat(3000)}x`,
];
const NUMBERS = [0, -0, 0.1, -1, 1e-320, Number.MAX_VALUE, -Number.MAX_VALUE, 1e18, 2 ** 53, NaN, Infinity, -Infinity];
const LONGS = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 4_600_000_000_000_000n, 1_000_000_000_000n, 1_000_000_000_001n];
const DATES = [
  0n, 2n ** 63n - 1n, -(2n ** 63n), 8_640_000_000_000_000n, 8_640_000_000_000_001n, -8_640_000_000_000_001n,
  253_402_300_800_000n, -62_135_596_800_001n, -62_167_219_200_001n, 1_790_000_000_000n,
];
/** At this depth, values hold nothing else, but for those that are `deep`. */
const FLAT = 6;
/** The most levels of a value, some below the 100 of which MongoDB tells that it takes them. */
const DEEPEST = 96;
const NAMES = ['a', 'status', 'uid', '', 'secret', '$set', 'a.b', '\ufffd', '__proto__'];

/** A value within as many documents and lists. */
function deep(chance: Chance, levels: number): Value {
  let inner = chance.often(2) ? text(CANARY) : int(7);
  for (let i = 0; i < levels; i++) inner = chance.often(2) ? document([['a', inner]]) : list([inner]);
  return inner;
}

/** A value of any type. What is within another is in nobody's list. */
export function value(chance: Chance, depth = 0): Value {
  if (depth === 0 && !chance.often(60)) return deep(chance, 1 + chance.below(DEEPEST));
  const secret = (): string | Buffer => (depth === 0 ? chance.of(TEXTS) : CANARY);
  switch (chance.below(depth < FLAT ? 21 : 18)) {
    case 0: return { type: 0x0a, bytes: Buffer.alloc(0) };
    case 1: return { type: 8, bytes: Buffer.from([chance.below(2)]) };
    case 2: return int(chance.of([0, 1, -1, 7, 2 ** 31 - 1, -(2 ** 31), chance.below(100_000)]));
    case 3: return long(chance.of(LONGS));
    case 4: return double(chance.of(NUMBERS));
    case 5: return { type: 0x13, bytes: chance.bytes(16) };
    case 6: return date(chance.of(DATES));
    case 7: return date(BigInt(Date.now() - chance.below(1_000_000_000)));
    case 8: return { type: 7, bytes: chance.bytes(12) };
    case 9: return { type: 5, bytes: Buffer.concat([count(16), Buffer.from([chance.of([0, 3, 4, 5, 128])]), chance.bytes(16)]) };
    case 10: return { type: 0x0b, bytes: Buffer.concat([ended(CANARY), ended('i')]) };
    case 11: return { type: 0x11, bytes: chance.bytes(8) };
    case 12: return { type: chance.of([0xff, 0x7f, 6]), bytes: Buffer.alloc(0) };
    case 13: return { type: 0x0d, bytes: lengthy(CANARY) };
    case 14: {
      const inner = Buffer.concat([lengthy(CANARY), document([['a', text(CANARY)]]).bytes]);
      return { type: 0x0f, bytes: Buffer.concat([count(inner.length + 4), inner]) };
    }
    case 15: return { type: 0x0e, bytes: lengthy(secret()) };
    case 16: case 17: return text(secret());
    case 18:
      if (chance.often(40)) return list(chance.some(4).map(() => value(chance, depth + 1)));
      return list(Array.from({ length: 3000 }, () => value(chance, FLAT)));
    default: return document(chance.some(4).map(() => [chance.of(NAMES), value(chance, depth + 1)]));
  }
}

/** The fields that travel, as docs/live.md has them; of each what of it travels within. */
interface Parts extends Map<string, Parts> {}
export function parts(topic: Topic): Parts {
  const documented = readFileSync(join(ROOT, 'docs/live.md'), 'utf8');
  const section = documented.split(`\n### \`${topic}\`\n`)[1]!.split('\n#')[0]!;
  const all: Parts = new Map();
  for (const [, path] of section.matchAll(/^\| `([\w.]+)` \|/gm)) {
    path!.split('.').reduce((at, name) => at.get(name) ?? at.set(name, new Map()).get(name)!, all);
  }
  return all;
}
/** Lists of texts: what stands in these travels, too. */
const LISTS = ['quality'];
/** In the data model, and read by nothing. */
const UNREAD = ['phone', 'location', 'provider_ref', 'status_history', 'token', 'tariff_id', 'source', 'secret'];

/** Most of these fields with any value, what may hold more with more, and more than these. */
export function anything(chance: Chance, of: Parts, sound: Fields = []): Fields {
  const fields: Fields = UNREAD.filter((name) => !of.has(name)).map((name) => [name, text(CANARY)]);
  for (const [name, inner] of of) {
    const known = sound.find(([other]) => other === name);
    const any = value(chance);
    const holds = any.type === 3 || any.type === 4;
    if (known && chance.often(3)) fields.push(known);
    else if (inner.size > 0 && chance.often(4)) {
      const items = chance.some(3).map(() => document(anything(chance, inner)));
      fields.push([name, items.length === 1 ? items[0]! : list(items)]);
    } else if (LISTS.includes(name) && chance.often(4)) fields.push([name, list(chance.some(3).map(() => value(chance)))]);
    // Of a list of texts, and of known names within a document, what stands in them travels: no canary may.
    else if ((inner.size > 0 || LISTS.includes(name)) && holds) fields.push([name, text('')]);
    else if (chance.often(5)) fields.push([name, any]);
  }
  return fields;
}

/** The fields of a document that a driver can write. */
export function sound(of: BSON.Document): Fields {
  const names = Object.keys(of);
  return names.map((name) => {
    const bytes = Buffer.from(BSON.serialize({ [name]: of[name] }));
    return [name, { type: bytes[4]!, bytes: bytes.subarray(4 + 1 + Buffer.byteLength(name) + 1, -1) }];
  });
}

/** A connection to MongoDB that takes bytes as they are. */
export async function wire(uri: string) {
  const { hostname, port } = new URL(uri);
  const socket = createConnection(Number(port), hostname);
  await once(socket, 'connect');
  let received = Buffer.alloc(0);
  return {
    /** Resolves with the answer; what MongoDB does not take is no document of anybody's. */
    async send(command: Fields): Promise<BSON.Document> {
      const body = Buffer.concat([count(0), Buffer.from([0]), document(command).bytes]);
      socket.write(Buffer.concat([count(16 + body.length), count(1), count(0), count(2013), body]));
      while (received.length < 4 || received.length < received.readInt32LE()) received = Buffer.concat([received, ...(await once(socket, 'data'))]);
      const answer = received.subarray(21, received.readInt32LE());
      received = received.subarray(received.readInt32LE());
      // A refusal tells the text that is none.
      return BSON.deserialize(answer, { validation: { utf8: false } });
    },
    end: () => socket.destroy(),
  };
}
