import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../media/rtp/header.ts';
import { SequenceTracker } from '../../media/rtp/sequence.ts';
import { ReorderBuffer } from './reorder-buffer.ts';

const TYPE = 96;

/** Records the output, and checks that copies of waiting packets are unchanged. */
class Sink {
  readonly sequences: number[] = [];
  readonly times: number[] = [];
  readonly tracker = new SequenceTracker();
  strangers = 0;

  packet(chunk: Uint8Array, start: number, end: number, atMs: number): boolean {
    if (((chunk[start + 1] ?? 0) & 0x7f) !== TYPE) {
      this.strangers += 1;
      return false;
    }
    const sequence = ((chunk[start + 2] ?? 0) << 8) | (chunk[start + 3] ?? 0);
    expect([...chunk.subarray(start + RTP_HEADER_BYTES, end)]).toEqual(payloadOf(sequence));
    this.sequences.push(sequence);
    this.times.push(atMs);
    this.tracker.push(sequence);
    return true;
  }
}

const payloadOf = (sequence: number) => [sequence & 0xff, sequence >> 8, 7];

/** All packets share one buffer, as from a socket. */
class Line {
  readonly sink = new Sink();
  readonly buffer = new ReorderBuffer(this.sink, TYPE);
  readonly #chunk = new Uint8Array(2 + RTP_HEADER_BYTES + 3);

  push(sequence: number, atMs = 0, type = TYPE): boolean {
    writeRtpHeader(this.#chunk, 2, false, type, sequence & 0xffff, 0, 1);
    this.#chunk.set(payloadOf(sequence & 0xffff), 2 + RTP_HEADER_BYTES);
    return this.buffer.push(this.#chunk, 2, this.#chunk.length, atMs);
  }

  pushAll(...sequences: readonly number[]): void {
    for (const sequence of sequences) {
      this.push(sequence);
    }
  }
}

const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => (first + i) & 0xffff);

function shuffle<T>(items: readonly T[], next: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: next() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

test('packets in order pass at once', () => {
  const line = new Line();
  line.pushAll(1, 2, 3);
  expect(line.sink.sequences).toEqual([1, 2, 3]);
  expect(line.buffer.reordered).toBe(0);
});

test('an early packet waits for its predecessor, also where sequence numbers wrap', () => {
  const line = new Line();
  line.pushAll(65_534, 0, 1);
  expect(line.sink.sequences).toEqual([65_534]);
  line.push(65_535);
  expect(line.sink.sequences).toEqual([65_534, 65_535, 0, 1]);
  expect(line.buffer).toMatchObject({ reordered: 1, late: 0 });
});

test.for([
  ['none, however many wait behind one that never comes', [1, 3, 4, 5, 6], 0],
  ['one that comes behind many', [1, 3, 4, 5, 6, 2], 1],
  ['one of two that are missing, when the other never comes', [1, 4, 5, 3, 6], 1],
  ['all but one of a row that comes backwards', [1, 5, 4, 3, 2], 3],
  ['those after the wrap that come after a later one', [65_534, 2, 0, 1, 65_535], 3],
] as const)('packets out of order are those that come after a later one: %s', ([, sequences, reordered]) => {
  const line = new Line();
  line.pushAll(...sequences);
  expect(line.buffer).toMatchObject({ reordered, late: 0 });
});

test('a packet missing for 200 ms is lost: later ones are released with the next packet', () => {
  const line = new Line();
  line.push(1, 0);
  line.push(3, 10);
  line.push(4, 209);
  expect(line.sink.sequences).toEqual([1]);
  line.push(5, 210);
  expect(line.sink.sequences).toEqual([1, 3, 4, 5]);
  expect(line.sink.times).toEqual([0, 10, 209, 210]);
  expect(line.sink.tracker.lost).toBe(1);
});

test('a packet missing for 200 ms is lost: without another packet, later ones are released by a tick', () => {
  const line = new Line();
  line.push(1, 0);
  line.push(3, 10);
  line.push(6, 100);
  line.buffer.flush(209);
  expect(line.sink.sequences).toEqual([1]);
  line.buffer.flush(210);
  expect(line.sink.sequences).toEqual([1, 3]);
  line.buffer.flush(300);
  expect(line.sink.sequences).toEqual([1, 3, 6]);
  expect(line.sink.tracker.lost).toBe(3);
});

test('a packet that arrives after it was counted as lost is counted as late and dropped', () => {
  const line = new Line();
  line.push(1, 0);
  line.push(3, 0);
  line.push(4, 200);
  line.push(2, 201);
  expect(line.sink.sequences).toEqual([1, 3, 4]);
  expect(line.buffer.late).toBe(1);
});

test('duplicates vanish, whether the first has passed or waits', () => {
  const line = new Line();
  line.pushAll(1, 1, 3, 3, 2, 2, 3);
  expect(line.sink.sequences).toEqual([1, 2, 3]);
  expect(line.buffer.late).toBe(4);
});

test('arrival times do not step back for the receiver', () => {
  const line = new Line();
  line.push(1, 0);
  line.push(3, 5);
  line.push(2, 9);
  expect(line.sink.times).toEqual([0, 9, 9]);
});

test('after a long burst of loss no packet waits', () => {
  const line = new Line();
  line.pushAll(1, 3, 1_500, 1_501);
  expect(line.sink.sequences).toEqual([1, 3, 1_500, 1_501]);
  expect(line.sink.tracker.lost).toBe(1_497);
});

test('a restarted sender is accepted with its second packet, after the waiting ones', () => {
  const line = new Line();
  line.pushAll(100, 102, 40_000, 40_001, 40_003, 40_002);
  expect(line.sink.sequences).toEqual([100, 102, 40_000, 40_001, 40_002, 40_003]);
});

test.for([
  ['a new SSRC', 0, 2],
  ['a later time', 3600, 1],
] as const)('a sender that restarts slightly behind, with %s, is not late', ([, ticks, ssrc]) => {
  const sequences: number[] = [];
  const buffer = new ReorderBuffer({ packet: (chunk) => sequences.push(chunk[3] as number) > 0 }, TYPE);
  const push = (sequence: number, time: number, source: number) => {
    const datagram = new Uint8Array(20);
    writeRtpHeader(datagram, 0, false, TYPE, sequence, time, source);
    buffer.push(datagram, 0, datagram.length, 0);
  };
  push(150, 0, 1);
  push(151, 0, 1);
  for (const sequence of [0, 1, 3, 2]) {
    push(sequence, ticks, ssrc);
  }
  expect(sequences).toEqual([150, 151, 0, 1, 2, 3]);
  expect(buffer.late).toBe(0);
});

test('a single wild number changes nothing', () => {
  const line = new Line();
  line.pushAll(100, 40_000, 101, 103, 102);
  expect(line.sink.sequences).toEqual([100, 40_000, 101, 102, 103]);
});

test('packets of another payload type, and those too short for RTP, are passed on at once', () => {
  const line = new Line();
  line.push(1);
  // With the number of a packet that is still to come, whose place it must not take.
  line.push(3, 0, 50);
  expect(line.sink.strangers).toBe(1);
  expect(line.buffer.push(new Uint8Array(3), 0, 3, 0)).toBe(false);
  line.pushAll(3, 2);
  expect(line.sink.sequences).toEqual([1, 2, 3]);
  expect(line.sink.strangers).toBe(2);
});

test('the queue is bounded in bytes: huge datagrams do not wait for long', () => {
  const sizes: number[] = [];
  const buffer = new ReorderBuffer({ packet: (_, start, end) => sizes.push(end - start) > 0 }, TYPE);
  const datagram = new Uint8Array(60_000);
  const push = (sequence: number) => {
    writeRtpHeader(datagram, 0, false, TYPE, sequence, 0, 1);
    buffer.push(datagram, 0, datagram.length, 0);
  };
  push(0);
  for (let sequence = 2; sequence < 20; sequence += 1) {
    push(sequence);
  }
  expect(sizes).toHaveLength(19);
});

test('any order within 256 packets is restored, without duplicates and with the correct loss', () => {
  const next = random(11);
  for (let round = 0; round < 60; round += 1) {
    const line = new Line();
    const first = Math.floor(next() * 65_536);
    const sent: number[] = [first];
    const came: number[] = [first];
    let dropped = 0;
    let twice = 0;
    for (let block = 0; block < 4; block += 1) {
      const size = 1 + Math.floor(next() * 255);
      const numbers = range(first + sent.length, size);
      // The last of a block always arrives, so that the next block begins where this one ends.
      const kept = numbers.filter((_, i) => i === size - 1 || next() > 0.02);
      dropped += size - kept.length;
      const copies = kept.filter(() => next() < 0.1);
      twice += copies.length;
      came.push(...shuffle([...kept, ...copies], next));
      sent.push(...numbers);
      for (const sequence of came.splice(0)) {
        line.push(sequence, block * 1_000);
      }
      line.buffer.flush(block * 1_000 + 200);
    }
    const { sequences, tracker } = line.sink;
    const unwrapped = sequences.map((sequence) => (sequence - first) & 0xffff);
    expect(unwrapped).toEqual([...unwrapped].sort((a, b) => a - b));
    expect(new Set(sequences).size).toBe(sequences.length);
    expect(sequences).toHaveLength(sent.length - dropped);
    expect(tracker.lost).toBe(dropped);
    expect(tracker.late).toBe(0);
    expect(line.buffer.late).toBe(twice);
  }
});

test('for any input, each packet is released once at most, and none waits too long', () => {
  const next = random(5);
  const line = new Line();
  let pushed = 0;
  for (let i = 0; i < 50_000; i += 1) {
    const isWild = next() < 0.01;
    line.push(isWild ? Math.floor(next() * 65_536) : i - Math.floor(next() * 300), i);
    pushed += 1;
  }
  line.buffer.flush(1_000_000);
  expect(line.sink.sequences.length + line.buffer.late).toBe(pushed);
});
