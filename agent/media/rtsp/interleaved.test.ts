import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { RtspFramer } from './interleaved.ts';
import { bodyText, type RtspMessage } from './message.ts';

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

function frame(channel: number, payload: Uint8Array): Uint8Array {
  return Uint8Array.of(0x24, channel, payload.length >> 8, payload.length, ...payload);
}

function rtp(length: number, fill: number): Uint8Array {
  const packet = new Uint8Array(length).fill(fill);
  packet[0] = 0x80;
  return packet;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The output, one line per unit; `copied` counts the frames that were copied. */
class Log {
  readonly lines: string[] = [];
  copied = 0;
  chunk: Uint8Array | undefined;

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.copied += chunk === this.chunk ? 0 : 1;
    this.lines.push(`${channel}:${Buffer.from(chunk.subarray(start, end)).toString('hex')}`);
  }

  onMessage(message: RtspMessage): void {
    const first = message.kind === 'request' ? message.method : String(message.status);
    this.lines.push(`${first} '${bodyText(message)}'`);
  }
}

/** Pushes `stream` in pieces through one reused buffer, as a socket does. */
function push(framer: RtspFramer, log: Log, stream: Uint8Array, pieceBytes: () => number): void {
  const buffer = new Uint8Array(stream.length + 1);
  log.chunk = buffer;
  let at = 0;
  while (at < stream.length) {
    const piece = stream.subarray(at, at + pieceBytes());
    buffer.fill(0x24);
    buffer.set(piece);
    framer.push(buffer, piece.length);
    at += piece.length;
  }
}

const response = bytes('RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\nv=0\n');
const options = bytes('OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n');
const long = rtp(300, 0x24);
const mixed = join(
  response,
  frame(0, rtp(12, 1)),
  bytes('\r\n'),
  frame(1, long),
  options,
  frame(9, new Uint8Array(0)),
  response,
);
const mixedLines = [
  "200 'v=0\n'",
  `0:80${'01'.repeat(11)}`,
  `1:80${'24'.repeat(299)}`,
  "OPTIONS ''",
  '9:',
  "200 'v=0\n'",
];

test('frames and messages are passed on in order, in place if they are complete in the chunk', () => {
  const log = new Log();
  push(new RtspFramer(log), log, mixed, () => mixed.length);
  expect(log.lines).toEqual(mixedLines);
  expect(log.copied).toBe(0);
});

test('it does not matter where the reads cut the stream', () => {
  for (let size = 1; size <= mixed.length; size += 1) {
    const log = new Log();
    const framer = new RtspFramer(log);
    push(framer, log, mixed, () => size);
    expect(log.lines).toEqual(mixedLines);
    expect(framer.junkBytes).toBe(0);
  }
});

test('only the frame that a read cuts in two is copied', () => {
  const log = new Log();
  const stream = join(...Array.from({ length: 10 }, () => frame(0, rtp(100, 7))));
  push(new RtspFramer(log), log, stream, () => 600);
  expect(log.lines).toHaveLength(10);
  expect(log.copied).toBe(1);
});

test.for([
  ['bytes', bytes('\x01\x02\xff')],
  ['words', bytes('GARBAGE\r\n')],
  ['words like a request', bytes('GET /index.html\r\n')],
  ['a dollar that begins no frame', bytes('\x01$\x07\x00\x05hello')],
  ['a reply without end of line', bytes('xRTSP\x00')],
] as const)('junk of %s between units is skipped and counted', ([, junk]) => {
  for (const size of [1, 7, 10_000]) {
    const log = new Log();
    const framer = new RtspFramer(log);
    push(framer, log, join(frame(0, rtp(12, 1)), junk, frame(2, rtp(12, 3)), response), () => size);
    expect(log.lines).toEqual([`0:80${'01'.repeat(11)}`, `2:80${'03'.repeat(11)}`, "200 'v=0\n'"]);
    expect(framer.junkBytes).toBeGreaterThan(0);
    expect(framer.junkBytes).toBeLessThanOrEqual(junk.length);
  }
});

test('a body that is larger than the limit ends the connection', () => {
  const log = new Log();
  const head = bytes('RTSP/1.0 200 OK\r\nContent-Length: 131073\r\n\r\n');
  expect(() => push(new RtspFramer(log), log, head, () => 10)).toThrow('at most 131072');
});

test.for([
  ['one endless header', `RTSP/1.0 200 OK\r\nA: ${'x'.repeat(9000)}`],
  ['endless headers', `RTSP/1.0 200 OK\r\n${'A: b\r\n'.repeat(9000)}`],
] as const)('%s ends the connection', ([, text]) => {
  const log = new Log();
  expect(() => push(new RtspFramer(log), log, bytes(text), () => 1000)).toThrow('RTSP head beyond');
});

test('a peer that sends only junk is given up after a megabyte', () => {
  const log = new Log();
  const framer = new RtspFramer(log);
  expect(() => push(framer, log, new Uint8Array(2 << 20).fill(0xff), () => 65_536)).toThrow('that are not RTSP');
});

test.for([
  ['words that end in one line', `${'AAA '.repeat(16_383)}AAA\n`],
  ['words in lines', `${'AAA '.repeat(1_000)}\n`],
  ['words without end of line', 'AAA '],
  ['words between frames', `${'$\x01\x00\x08\x80aaaaaaaAAA '.repeat(4_000)}\n`],
] as const)('junk of %s is scanned once, in linear time', ([, text]) => {
  const junk = bytes(text.repeat(Math.ceil(65_536 / text.length)));
  for (let round = 0; round < 60; round += 1) {
    const framer = new RtspFramer({ onFrame: () => {}, onMessage: () => expect.unreachable('it is junk') });
    framer.push(junk, junk.length);
  }
});

test('a request whose first line exceeds the limit is rejected, even if it is complete', () => {
  const log = new Log();
  const request = bytes(`OPTIONS ${'x'.repeat(9_000)} RTSP/1.0\r\n\r\n`);
  expect(() => push(new RtspFramer(log), log, request, () => 65_536)).toThrow('not the first line of an RTSP message');
  expect(log.lines).toEqual([]);
});

test.for([1, 7, 100, 10_000])(
  'a framer paused at every unit delivers the same units, also in pieces of %d bytes',
  (size) => {
    const plain = new Log();
    push(new RtspFramer(plain), plain, mixed, () => size);
    const held = new Log();
    const hold = () => framer.hold();
    const framer = new RtspFramer({
      onFrame: (...frame) => {
        held.onFrame(...frame);
        hold();
      },
      onMessage: (message) => {
        held.onMessage(message);
        hold();
      },
    });
    for (let at = 0; at < mixed.length; at += size) {
      const before = held.lines.length;
      const wasHeld = framer.isHeld;
      const piece = mixed.subarray(at, at + size);
      framer.push(piece, piece.length);
      expect(held.lines.length - before).toBeLessThanOrEqual(wasHeld ? 0 : 1);
      if (at % 3 === 0 && framer.isHeld) {
        framer.release();
      }
    }
    while (framer.isHeld) {
      framer.release();
    }
    expect(held.lines).toEqual(plain.lines);
  },
);

test('a framer that is held keeps a megabyte at most', () => {
  const framer = new RtspFramer(new Log());
  framer.hold();
  const chunk = new Uint8Array(65_536);
  expect(() => {
    for (let i = 0; i < 20; i += 1) {
      framer.push(chunk, chunk.length);
    }
  }).toThrow('more than 1048576 bytes while nothing is taken');
});

test('mutated streams cut anywhere give units or a PerchError', () => {
  const next = random(2);
  let units = 0;
  for (let i = 0; i < 3_000; i += 1) {
    const stream = mixed.slice();
    for (let change = 0; change < 1 + next() * 6; change += 1) {
      stream[Math.floor(next() * stream.length)] = Math.floor(next() * 256);
    }
    const log = new Log();
    try {
      push(new RtspFramer(log), log, stream, () => 1 + Math.floor(next() * 400));
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
    units += log.lines.length;
  }
  expect(units).toBeGreaterThan(3_000);
});
