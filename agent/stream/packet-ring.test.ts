import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import { PacketRing, type PutFacts } from './packet-ring.ts';

/** A ring that a test can fill. */
class Filled extends PacketRing {
  at(facts: PutFacts): void {
    this.begin(facts);
  }
  startGroup(isLeading = true): void {
    this.beginGroup(isLeading);
  }
  add(bytes: Uint8Array, marker = false, isStill = false): void {
    this.put(0, 0, bytes, 0, bytes.length, marker, isStill);
  }
  addPrefixed(prefix: number, prefixBytes: number, bytes: Uint8Array): void {
    this.put(prefix, prefixBytes, bytes, 0, bytes.length, false, false);
  }
  forget(): void {
    this.endGroup();
  }
  payload(packet: number): Uint8Array {
    return new Uint8Array(this.words.buffer, 4 * this.wordOf(packet), this.payloadBytesOf(packet));
  }
}

const ROOMY = { groupBytes: 1 << 20, ringBytes: 1 << 21 };
const KB = new Uint8Array(1_000);

test('a payload is word-aligned after its prefix, and its fields are read back', () => {
  const ring = new Filled(ROOMY);
  ring.at({ track: 2, pts: 2 ** 32 + 7, wall: 1e12 });
  ring.add(Uint8Array.of(9));
  ring.startGroup();
  ring.addPrefixed(0x7c85, 2, Uint8Array.of(1, 2, 3));
  expect([...ring.payload(1)]).toEqual([0x7c, 0x85, 1, 2, 3]);
  expect([ring.wordOf(0), ring.wordOf(1)]).toEqual([0, 1]);
  expect([ring.trackOf(1), ring.timestampOf(1), ring.markerOf(1)]).toEqual([2, 7, 0]);
  expect([ring.startsGroup(0), ring.startsGroup(1), ring.groupStart, ring.written]).toEqual([false, true, 1, 2]);
});

test('the ring starts at 64 kB and doubles for a GOP, which stays complete; data older than a second is dropped', () => {
  const ring = new Filled(ROOMY);
  expect(ring.words.length * 4).toBe(64 << 10);
  ring.at({ track: 0, pts: 0, wall: 0 });
  ring.add(KB);
  ring.at({ track: 0, pts: 0, wall: 2_000 });
  ring.startGroup();
  for (let i = 0; i < 200; i += 1) {
    ring.add(KB);
  }
  expect(ring.words.length * 4).toBe(256 << 10);
  expect([ring.has(0), ring.has(1), ring.groupStart]).toEqual([false, true, 1]);
});

test('the expected capacity is allocated at the start, up to the limit', () => {
  const sizes = [0, 65_537, 1 << 30].map((bytes) => new Filled(ROOMY, bytes).words.length * 4);
  expect(sizes).toEqual([64 << 10, 128 << 10, ROOMY.ringBytes]);
});

test('many small packets get places without a word being written over', () => {
  const ring = new Filled(ROOMY);
  ring.startGroup();
  for (let i = 0; i < 5_000; i += 1) {
    ring.at({ track: 0, pts: i, wall: 20 * i });
    ring.add(Uint8Array.of(i & 0xff, i >> 8));
  }
  expect(ring.groupStart).toBe(0);
  for (const i of [0, 255, 256, 4_999]) {
    expect([...ring.payload(i), ring.timestampOf(i)]).toEqual([i & 0xff, i >> 8, i]);
  }
});

test('a group beyond its limit is dropped, except its last packets; the next one is complete', () => {
  const ring = new Filled({ groupBytes: 100_000, ringBytes: 160_000 });
  ring.startGroup();
  for (let i = 0; i < 1_000; i += 1) {
    ring.at({ track: 0, pts: i, wall: 40 * i });
    ring.add(KB);
    expect(ring.groupStart).toBe(i < 100 ? 0 : -1);
  }
  expect(ring.words.length * 4).toBeLessThanOrEqual(160_000);
  expect([ring.has(900), ring.has(999), ring.has(1_000)]).toEqual([true, true, false]);
  ring.startGroup();
  ring.add(KB);
  expect(ring.groupStart).toBe(1_000);
});

test('key frames of another track are marked as starts and keep nothing', () => {
  const ring = new Filled(ROOMY);
  ring.startGroup(false);
  ring.add(KB);
  expect([ring.startsGroup(0), ring.groupStart]).toEqual([true, -1]);
});

test('a group without further packets is no longer offered', () => {
  const ring = new Filled(ROOMY);
  ring.startGroup();
  ring.add(KB);
  ring.forget();
  expect([ring.groupStart, ring.has(0)]).toEqual([-1, true]);
});

test('a clock that is set back by an hour does not make the ring keep an hour', () => {
  const ring = new Filled(ROOMY);
  for (let i = 0; i < 10_000; i += 1) {
    ring.at({ track: 0, pts: i, wall: 1e12 + 40 * i - (i > 5_000 ? 3_600_000 : 0) });
    ring.add(KB);
  }
  expect(ring.words.length * 4).toBe(64 << 10);
});

interface Kept {
  readonly bytes: Uint8Array;
  readonly pts: number;
  readonly wall: number;
  readonly marker: boolean;
}

/** The ring holds the newest group while it is within its limit, and the last second. */
test.for([1, 2, 3, 4, 5])(
  'compared with an unbounded list, seed %i: the required packets are present and unchanged',
  (seed) => {
    const next = random(seed);
    const limits = { groupBytes: 150_000, ringBytes: 300_000 };
    const ring = new Filled(limits);
    const list: Kept[] = [];
    let [wall, group, groupBytes] = [1.7e12, -1, 0];
    for (let i = 0; i < 6_000; i += 1) {
      wall += 10 + 60 * next();
      ring.at({ track: i & 1, pts: 90 * i, wall });
      if (next() < 0.01) {
        ring.startGroup();
        [group, groupBytes] = [i, 0];
      }
      const bytes = new Uint8Array(Math.floor(next() ** 2 * 1_188)).fill(i);
      const marker = next() < 0.2;
      ring.add(bytes, marker);
      list.push({ bytes, pts: 90 * i, wall, marker });
      groupBytes += bytes.length;
      group = groupBytes > limits.groupBytes ? -1 : group;

      expect([ring.written, ring.groupStart]).toEqual([i + 1, group]);
      const ago = i - Math.floor(next() * 400);
      const isPromised = ago >= 0 && ((group >= 0 && ago >= group) || wall - (list[ago] as Kept).wall < 900);
      expect(ring.has(ago) || !isPromised).toBe(true);
      if (ring.has(ago)) {
        const kept = list[ago] as Kept;
        expect(ring.payload(ago)).toEqual(kept.bytes);
        const facts = [ring.timestampOf(ago), ring.trackOf(ago), ring.markerOf(ago)];
        expect(facts).toEqual([kept.pts, ago & 1, kept.marker ? 1 : 0]);
      }
    }
    expect(ring.words.length * 4).toBeLessThanOrEqual(limits.ringBytes);
  },
);
