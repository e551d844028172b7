import { expect, test } from 'vitest';
import { hex } from '../../../test/support/media/units.ts';
import { SampleBuffer, VIDEO_SAMPLES } from '../../media/sample/sample-buffer.ts';
import { ChunkReader } from './chunk-reader.ts';
import { appendMessage, CHUNK_BYTES } from './messages.ts';

const MAX_BYTES = 1 << 20;

function reader(limit = MAX_BYTES) {
  const messages: { type: number; stream: number; timestamp: number; body: string }[] = [];
  const chunks = new ChunkReader(
    {
      onMessage: (type, stream, timestamp, data, start, end) =>
        messages.push({ type, stream, timestamp, body: Buffer.from(data.subarray(start, end)).toString('hex') }),
    },
    limit,
  );
  return { chunks, messages };
}

/** fmt 0 on chunk stream 4: 160 bytes of audio at 1000 in two chunks, then fmt 1, 2 and 3. */
const BYTES = hex(
  `04 0003e8 0000a0 08 01000000 ${'aa'.repeat(128)} c4 ${'bb'.repeat(32)}` +
    '44 000017 000002 08 cccc 84 000018 dddd c4 eeee',
);
const MESSAGES = [
  { type: 8, stream: 1, timestamp: 1_000, body: 'aa'.repeat(128) + 'bb'.repeat(32) },
  { type: 8, stream: 1, timestamp: 1_023, body: 'cccc' },
  { type: 8, stream: 1, timestamp: 1_047, body: 'dddd' },
  { type: 8, stream: 1, timestamp: 1_071, body: 'eeee' },
];

test.for([BYTES.length, 1, 2, 7, 150])('messages in pieces of %i bytes', (size) => {
  const { chunks, messages } = reader();
  for (let at = 0; at < BYTES.length; at += size) {
    chunks.push(BYTES, at, Math.min(at + size, BYTES.length));
  }
  expect(messages).toEqual(MESSAGES);
});

test('messages of several chunk streams are interleaved, and one is aborted', () => {
  const { chunks, messages } = reader();
  chunks.setChunkBytes(2);
  chunks.push(hex('04 000000 000003 08 01000000 0102'), 0, 14);
  const video = hex('06 000005 000004 09 01000000 a1a2 c4 03 c6 a3a4');
  chunks.push(video, 0, video.length);
  expect(messages.map(({ body }) => body)).toEqual(['010203', 'a1a2a3a4']);
  chunks.push(hex('04 000000 000003 08 01000000 0102'), 0, 14);
  chunks.abort(4);
  chunks.push(hex('84 000001 0a0b c4 0c'), 0, 8);
  expect(messages.at(-1)).toMatchObject({ timestamp: 1, body: '0a0b0c' });
});

test('chunk stream numbers of two and three bytes', () => {
  const { chunks, messages } = reader();
  const bytes = hex('00 0a 000000 000001 08 01000000 11 01 0a01 000000 000001 09 01000000 22');
  chunks.push(bytes, 0, bytes.length);
  expect(messages.map(({ body }) => body)).toEqual(['11', '22']);
});

test.for([0, 0xff_fffe, 0xff_ffff, 0x1_0000_0000 - 1])('what Perch writes at %i ms is read', (timestamp) => {
  const body = Uint8Array.from({ length: 2 * CHUNK_BYTES + 5 }, (_, i) => i * 7);
  const out = new SampleBuffer(VIDEO_SAMPLES);
  appendMessage(out, 6, 9, 1, timestamp, body.subarray(0, 5), body.subarray(5));
  const bytes = out.take();
  const { chunks, messages } = reader();
  chunks.setChunkBytes(CHUNK_BYTES);
  chunks.push(bytes, 0, bytes.length);
  expect(messages).toEqual([{ type: 9, stream: 1, timestamp, body: Buffer.from(body).toString('hex') }]);
});

test.for([
  [
    'a message above the limit',
    '04 000000 ffffff 08 01000000',
    'RTMP message of 16777215 bytes, at most 1048576 allowed',
  ],
  ['a chunk stream without a whole header', 'c4 aa', 'RTMP chunk stream 4 begins without a whole header'],
  [
    'a message within another',
    `04 000000 0000a0 08 01000000 ${'aa'.repeat(128)} 04 000000 000001 08 01000000`,
    'within an unfinished one',
  ],
])('%s is rejected', ([, bytes, message]) => {
  const { chunks } = reader();
  const data = hex(bytes ?? '');
  expect(() => chunks.push(data, 0, data.length)).toThrow(message);
});

test('unfinished messages on many chunk streams are bounded', () => {
  const { chunks } = reader(1_000);
  const flood = () => {
    for (let stream = 2; stream < 64; stream += 1) {
      const bytes = hex(`${stream.toString(16).padStart(2, '0')} 000000 000190 08 01000000 ${'aa'.repeat(128)}`);
      chunks.push(bytes, 0, bytes.length);
    }
  };
  expect(flood).toThrow('bytes of unfinished RTMP messages');
  const many = reader();
  const open = () => {
    for (let stream = 64; stream < 200; stream += 1) {
      const bytes = hex(`00 ${(stream - 64).toString(16).padStart(2, '0')} 000000 000000 08 01000000`);
      many.chunks.push(bytes, 0, bytes.length);
    }
  };
  expect(open).toThrow('more than 64 RTMP chunk streams');
});

test('messages on all chunk streams hold the memory of one', () => {
  const limit = 32 << 10;
  const { chunks, messages } = reader(limit);
  chunks.setChunkBytes(limit - 1);
  // Each in two chunks, so that it is collected.
  for (let id = 3; id < 64; id += 1) {
    const head = Buffer.of(id, 0, 0, 0, 0, limit >> 8, 0, 18, 1, 0, 0, 0);
    const message = Buffer.concat([head, Buffer.alloc(limit - 1), Buffer.of(0xc0 | id, 7)]);
    chunks.push(message, 0, message.length);
  }
  expect(messages).toHaveLength(61);
  expect(chunks.heldBytes).toBeLessThanOrEqual(limit);
});

/** A message of video on chunk stream 6 in chunks of 128 bytes. */
function chunked(timestamp: number, body: Buffer, repeated: number | undefined): Buffer {
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value >>> 0);
    return bytes;
  };
  const isExtended = timestamp >= 0xff_ffff;
  const head = Buffer.from([6, 0xff, 0xff, 0xff, 0, body.length >> 8, body.length & 0xff, 9, 1, 0, 0, 0]);
  head.writeUIntBE(isExtended ? 0xff_ffff : timestamp, 1, 3);
  const parts: Buffer[] = [head, ...(isExtended ? [u32(timestamp)] : []), body.subarray(0, 128)];
  for (let at = 128; at < body.length; at += 128) {
    parts.push(Buffer.from([0xc6]), ...(isExtended && repeated !== undefined ? [u32(repeated)] : []));
    parts.push(body.subarray(at, at + 128));
  }
  return Buffer.concat(parts);
}

test.for<[sender: string, repeats: boolean, piece: number]>([
  ['repeats the extended timestamp', true, 1 << 20],
  ['repeats the extended timestamp', true, 1],
  ['leaves it out', false, 1 << 20],
  ['leaves it out', false, 1],
  ['leaves it out', false, 3],
])('a sender that %s in continuation chunks is read past 2^24, 2^31 and 2^32 ms', ([, repeats, piece]) => {
  const { chunks, messages } = reader();
  const times = [2 ** 24, 2 ** 31, 2 ** 32].flatMap((limit) => [limit - 40, limit - 1, limit, limit + 40]);
  const expected: object[] = [];
  for (const [i, time] of times.entries()) {
    const timestamp = time >>> 0;
    const body = Buffer.alloc(130 + 97 * i, i + 1);
    if (i > 3) {
      // Payload that looks like the timestamp.
      body.writeUInt32BE(timestamp, 128);
    }
    const bytes = chunked(timestamp, body, repeats ? timestamp : undefined);
    for (let at = 0; at < bytes.length; at += piece) {
      chunks.push(bytes, at, Math.min(at + piece, bytes.length));
    }
    expected.push({ type: 9, stream: 1, timestamp, body: body.toString('hex') });
  }
  expect(messages).toEqual(expected);
});
