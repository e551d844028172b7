import { expect, onTestFinished, test, vi } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { type ConnectionOptions, SrtConnection } from './connection.ts';
import { Encryption } from './encryption.ts';
import { parseKeyMaterial } from './key-material.ts';
import { CONTROL, controlTypeOf, HEADER_BYTES, isControl, writeControlHeader } from './packet.ts';
import { PacketRing } from './packet-ring.ts';

const PASSPHRASE = 'long enough';

interface PairOptions {
  readonly delayMs?: number;
  readonly loss?: number;
  readonly latencyMs?: number;
  readonly firstSequence?: number;
  readonly startUs?: number;
  readonly encryptions?: readonly [Encryption, Encryption];
  readonly maxBandwidth?: number;
  /** Whether a packet arrives, in addition to `loss`. */
  readonly passes?: (packet: Buffer, from: 'a' | 'b', nowMs: number) => boolean;
}

/** Two connections over a simulated network, in simulated milliseconds. */
class Pair {
  nowMs = 1_000;
  readonly received: { readonly payload: Buffer; readonly atMs: number }[] = [];
  readonly closed: string[] = [];
  readonly a: SrtConnection;
  readonly b: SrtConnection;
  #flying: { readonly dueMs: number; readonly to: 'a' | 'b'; readonly packet: Buffer }[] = [];

  constructor(options: PairOptions = {}) {
    const { delayMs = 10, loss = 0, latencyMs = 120, firstSequence = 100, startUs = 0, passes = () => true } = options;
    const next = random(7);
    const connect = (from: 'a' | 'b', index: 0 | 1) => {
      const shared: ConnectionOptions = {
        ...{ socketId: 1 + index, peerSocketId: 2 - index, ip: '192.0.2.1', port: 9_000 },
        ...{ firstSequence, peerFirstSequence: firstSequence, latencyMs, peerLatencyMs: latencyMs },
        ...{ peerFlowWindow: 8_192, encryption: options.encryptions?.[index], startUs },
        ...{ peerTimestamp: (this.nowUs - startUs) % 2 ** 32, peerArrivedUs: this.nowUs + 1000 * delayMs },
        maxBandwidth: options.maxBandwidth,
      };
      const send = (bytes: Buffer, start: number, length: number) => {
        const packet = Buffer.from(bytes.subarray(start, start + length));
        if (next() >= loss && passes(packet, from, this.nowMs)) {
          this.#flying.push({ dueMs: this.nowMs + delayMs, to: from === 'a' ? 'b' : 'a', packet });
        }
      };
      const made = new SrtConnection(shared, send, () => {}, this.nowUs);
      made.handlers = {
        onPayload: (payload) => void this.received.push({ payload: Buffer.from(payload), atMs: this.nowMs }),
        onClose: (reason) => void this.closed.push(`${from}: ${reason}`),
      };
      return made;
    };
    this.a = connect('a', 0);
    this.b = connect('b', 1);
  }

  get nowUs(): number {
    return this.nowMs * 1000;
  }

  /** Numbers that arrived at b. */
  get numbers(): number[] {
    return this.received.map(({ payload }) => payload.readUInt32BE(0));
  }

  /** Sends `count` payloads from a, one each millisecond, then waits. */
  stream(count: number, waitMs = 2_000): void {
    const payload = Buffer.alloc(1316);
    for (let i = 0; i < count; i += 1) {
      payload.writeUInt32BE(i);
      this.a.write(payload, 0, payload.length, 1316, this.nowUs);
      this.pass(1);
    }
    this.pass(waitMs);
  }

  pass(ms: number): void {
    for (let i = 0; i < ms; i += 1) {
      this.nowMs += 1;
      const due = this.#flying.filter(({ dueMs }) => dueMs <= this.nowMs);
      this.#flying = this.#flying.filter(({ dueMs }) => dueMs > this.nowMs);
      for (const { to, packet } of due) {
        this[to].receive(packet, this.nowUs);
      }
      for (const one of [this.a, this.b]) {
        if (!one.isClosed && this.nowMs % 10 === 0) {
          one.tick(this.nowUs);
        } else if (!one.isClosed) {
          one.pump(this.nowUs);
        }
      }
    }
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, number) => number);

test('payloads arrive in order, later by the latency and half a round trip', () => {
  const pair = new Pair({ delayMs: 25, latencyMs: 200 });
  pair.stream(100);
  expect(pair.numbers).toEqual(upTo(100));
  const delays = pair.received.map(({ atMs }, number) => atMs - 1_000 - number);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(225);
  expect(Math.max(...delays)).toBeLessThanOrEqual(236);
});

test.for([
  [0.02, 25],
  [0.1, 25],
  [0.2, 10],
] as const)('with a loss of %f and a one-way delay of %i ms nothing is lost', ([loss, delayMs]) => {
  const pair = new Pair({ loss, delayMs, latencyMs: 600 });
  pair.stream(3_000);
  expect(pair.numbers).toEqual(upTo(3_000));
  const { packetsReceivedLoss, packetsReceivedDrop, packetsReceivedRetrans } = pair.b.statistics.counters;
  expect(packetsReceivedLoss).toBeGreaterThan(3_000 * loss * 0.7);
  expect(packetsReceivedDrop).toBe(0);
  expect(packetsReceivedRetrans).toBeGreaterThanOrEqual(packetsReceivedLoss);
});

test.for([0.01, 0.05, 0.1].flatMap((loss) => [10, 25, 50, 100].map((delayMs) => [loss, delayMs] as const)))(
  'with a loss of %f and a way of %i ms, four round trips of latency are enough for two losses of a packet in a row',
  ([loss, delayMs]) => {
    const losses = new Map<number, number>();
    const next = random(11);
    const pair = new Pair({
      delayMs,
      latencyMs: Math.max(120, 8 * delayMs),
      passes: (packet, from, nowMs) => {
        const sequence = from === 'a' && !isControl(packet) ? packet.readUInt32BE(0) : -1;
        const before = losses.get(sequence) ?? 0;
        // The round trip is known after a second.
        const isLost = nowMs > 2_000 && next() < loss && (sequence < 0 || before < 2);
        losses.set(sequence, isLost ? before + 1 : 2);
        return !isLost;
      },
    });
    pair.stream(4_000);
    expect(pair.numbers).toEqual(upTo(4_000));
  },
);

test('a packet is sent again once in a round trip, however many reports name it', () => {
  const pair = new Pair({ loss: 0.05, delayMs: 50, latencyMs: 800 });
  // Without its end, where everything in flight is sent again.
  pair.stream(2_000, 0);
  const { packetsRetrans } = pair.a.statistics.counters;
  // Lost packets, lost retransmissions, and repeats because of a longer round trip.
  expect(packetsRetrans).toBeLessThan(1.5 * pair.b.statistics.counters.packetsReceivedLoss);
});

test('sequence numbers, message numbers and time stamps wrap', () => {
  const wrapsAfterUs = 2 ** 32 - 1_500_000;
  const pair = new Pair({
    loss: 0.05,
    latencyMs: 300,
    firstSequence: 2 ** 31 - 500,
    startUs: 1_000_000 - wrapsAfterUs,
  });
  pair.stream(3_000);
  expect(pair.numbers).toEqual(upTo(3_000));
});

test('late packets are skipped, and the following ones delivered', () => {
  const pair = new Pair({ passes: (packet) => isControl(packet) || ![150, 151].includes(packet.readUInt32BE(0)) });
  pair.stream(200);
  expect(pair.numbers).toEqual(upTo(200).filter((number) => number !== 50 && number !== 51));
  expect(pair.b.statistics.counters).toMatchObject({ packetsReceivedDrop: 2, packetsReceivedLoss: 2 });
});

test('the sender drops packets not acknowledged within a second, and answers later reports with a drop request', () => {
  let isCut = true;
  const requests: number[] = [];
  const pair = new Pair({
    passes: (packet, from) => {
      if (isControl(packet) && controlTypeOf(packet) === CONTROL.dropRequest) {
        requests.push(packet.readUInt32BE(16), packet.readUInt32BE(20));
      }
      return !(isCut && from === 'a' && !isControl(packet));
    },
  });
  pair.stream(50, 1_500);
  expect(pair.a.statistics.counters.packetsSendDrop).toBe(50);
  expect(pair.a.buffered).toBe(0);
  isCut = false;
  pair.stream(20);
  expect(pair.numbers).toEqual(upTo(20));
  expect(requests.slice(0, 2)).toEqual([100, 149]);
});

test.for([
  ['is answered', 4, 1],
  ['larger than a packet of SRT is ignored', 60_000, 0],
] as const)('a report of dropped packets %s', ([, bytes, expected]) => {
  let answers = 0;
  const pair = new Pair({
    passes: (packet, from) => {
      answers += from === 'a' && isControl(packet) && controlTypeOf(packet) === CONTROL.dropRequest ? 1 : 0;
      return true;
    },
  });
  pair.stream(50);
  const report = Buffer.alloc(HEADER_BYTES + bytes);
  writeControlHeader(report, CONTROL.nak, 0, 0, 0, 1);
  for (let at = HEADER_BYTES; at < report.length; at += 4) {
    report.writeUInt32BE(100, at);
  }
  pair.a.receive(report, pair.nowUs);
  expect(answers).toBe(expected);
});

test('a lost tail is sent again without a report', () => {
  let tries = 0;
  const pair = new Pair({
    latencyMs: 500,
    passes: (packet) => {
      tries += !isControl(packet) && packet.readUInt32BE(0) === 109 ? 1 : 0;
      return isControl(packet) || packet.readUInt32BE(0) !== 109 || tries > 1;
    },
  });
  pair.stream(10);
  expect(pair.numbers).toEqual(upTo(10));
});

test('duplicates and packets in another order are delivered once, in order', () => {
  const packets: Buffer[] = [];
  const pair = new Pair({ passes: (packet, from) => isControl(packet) || from === 'b' || packets.push(packet) === 0 });
  pair.stream(20, 0);
  for (const packet of [...packets.reverse(), ...packets]) {
    pair.b.receive(packet, pair.nowUs);
  }
  pair.pass(500);
  expect(pair.numbers).toEqual(upTo(20));
});

test('a silent peer ends the connection after five seconds; keepalives prevent that', () => {
  let isCut = false;
  const pair = new Pair({ passes: () => !isCut });
  pair.pass(20_000);
  expect(pair.closed).toEqual([]);
  isCut = true;
  pair.pass(7_000);
  expect(pair.closed.sort()).toEqual(['a: the peer is silent', 'b: the peer is silent']);
});

test('a shutdown ends both ends', () => {
  const pair = new Pair();
  pair.stream(5);
  pair.a.close('enough', pair.nowUs);
  pair.pass(50);
  expect(pair.closed).toEqual(['a: enough', 'b: closed by the peer']);
});

test('round trip and latency are known at both ends', () => {
  const pair = new Pair({ delayMs: 40 });
  pair.stream(500);
  for (const { msRTT, msSendTsbPdDelay, msReceiveTsbPdDelay } of [pair.a.values, pair.b.values]) {
    expect(msRTT).toBeGreaterThan(79);
    expect(msRTT).toBeLessThan(85);
    expect([msSendTsbPdDelay, msReceiveTsbPdDelay]).toEqual([120, 120]);
  }
});

test('a key frame of 400 packets is paced, and the configured bandwidth is the limit', () => {
  const sent: number[] = [];
  const pair = new Pair({
    maxBandwidth: 1_000_000,
    passes: (packet, from, nowMs) => {
      sent.push(...(from === 'a' && !isControl(packet) ? [nowMs] : []));
      return true;
    },
  });
  const frame = Buffer.alloc(400 * 1316);
  pair.a.write(frame, 0, frame.length, 1316, pair.nowUs);
  pair.pass(1_000);
  expect(sent).toHaveLength(400);
  expect(sent.filter((atMs) => atMs === 1_000).length).toBeLessThanOrEqual(64);
  expect((sent.at(-1) ?? 0) - 1_000).toBeGreaterThan(450);
});

test('buffers are bounded: a peer that acknowledges nothing costs 8160 packets, then new ones are dropped', () => {
  const pair = new Pair({ passes: () => false });
  const payload = Buffer.alloc(1316);
  for (let i = 0; i < 10_000; i += 1) {
    pair.a.write(payload, 0, payload.length, 1316, pair.nowUs);
  }
  expect(pair.a.buffered).toBe(8_160);
  expect(pair.a.statistics.counters.packetsSendDrop).toBe(10_000 - 8_160);
});

test('a packet at the end of an empty window is not searched for with each one that follows', () => {
  const packets: Buffer[] = [];
  const pair = new Pair({ passes: (packet, from) => isControl(packet) || from === 'b' || packets.push(packet) === 0 });
  pair.stream(1, 0);
  const last = Buffer.from(packets[0] as Buffer);
  last.writeUInt32BE(100 + 8_000);
  pair.b.receive(last, pair.nowUs);
  const looks = vi.spyOn(PacketRing.prototype, 'find');
  onTestFinished(() => looks.mockRestore());
  for (let i = 0; i < 1_000; i += 1) {
    pair.b.receive(last, pair.nowUs);
  }
  expect(looks.mock.calls.length).toBeLessThan(10_000);
});

test('packets far ahead of the window are dropped', () => {
  const packets: Buffer[] = [];
  const pair = new Pair({ passes: (packet, from) => isControl(packet) || from === 'b' || packets.push(packet) === 0 });
  pair.stream(1, 0);
  const ahead = Buffer.from(packets[0] as Buffer);
  ahead.writeUInt32BE(100 + 8_160);
  pair.b.receive(ahead, pair.nowUs);
  expect(pair.b.values).toMatchObject({ packetsReceiveBuf: 0, packetsReceivedDrop: 1 });
  ahead.writeUInt32BE(100 + 8_159);
  pair.b.receive(ahead, pair.nowUs);
  pair.pass(1_000);
  expect(pair.received).toHaveLength(1);
  expect(pair.b.values.packetsReceivedDrop).toBe(1 + 8_159);
});

test.for([16, 24, 32] as const)(
  'payloads are encrypted with keys of %i bytes, which are refreshed while sending',
  async (keyBytes) => {
    const refresh = { everyPackets: 300, announcePackets: 100 };
    const caller = await Encryption.create(PASSPHRASE, keyBytes, refresh);
    const listener = await Encryption.accept(PASSPHRASE, parseKeyMaterial(caller.keyMaterial), refresh);
    const keys = new Set<number>();
    const plain: Buffer[] = [];
    const pair = new Pair({
      loss: 0.02,
      latencyMs: 400,
      encryptions: [caller, listener as Encryption],
      passes: (packet, from) => {
        if (from === 'a' && !isControl(packet)) {
          keys.add((packet.readUInt32BE(4) >>> 27) & 3);
          plain.push(packet.subarray(20));
        }
        return true;
      },
    });
    for (let part = 0; part < 20; part += 1) {
      pair.stream(50, 0);
      // Unwrapping is asynchronous.
      await Promise.resolve();
      await Promise.resolve();
    }
    pair.pass(1_000);
    expect(pair.numbers).toEqual(upTo(20).flatMap(() => upTo(50)));
    expect([...keys].sort()).toEqual([1, 2]);
    expect(plain.some((payload) => payload.every((byte) => byte === 0))).toBe(false);
    expect(pair.b.statistics.counters.packetsReceivedUndecrypt).toBe(0);
  },
);

test('payloads that are not encrypted are not delivered where a passphrase is agreed', async () => {
  const caller = await Encryption.create(PASSPHRASE, 16);
  const packets: Buffer[] = [];
  const plain = new Pair({ passes: (packet) => isControl(packet) || packets.push(packet) === 0 });
  plain.stream(5, 0);
  const pair = new Pair({ encryptions: [caller, caller] });
  for (const packet of packets) {
    pair.b.receive(packet, pair.nowUs);
  }
  pair.pass(1_000);
  expect(pair.received).toEqual([]);
  expect(pair.b.statistics.counters.packetsReceivedUndecrypt).toBe(5);
});
