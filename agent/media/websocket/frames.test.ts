import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { hex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import {
  acceptOf,
  binaryHead,
  closeFrame,
  maskedBinary,
  pingFrame,
  pongFrame,
  textFrame,
  WebSocketDecoder,
} from './frames.ts';

const MASK = hex('37fa213d');
const NONE = new Uint8Array(0);

/** The output in order; consecutive payload is joined. */
function decode(stream: Uint8Array, wantsMask: boolean, pieceBytes = stream.length): string[] {
  const out: string[] = [];
  let payload = '';
  const flush = () => {
    if (payload !== '') {
      out.push(payload);
      payload = '';
    }
  };
  const decoder = new WebSocketDecoder(
    {
      onPayload: (chunk, start, end) => {
        payload += Buffer.from(chunk.subarray(start, end)).toString('latin1');
      },
      onPing: (data) => {
        flush();
        out.push(`ping ${Buffer.from(data).toString('latin1')}`);
      },
      onClose: (code) => {
        flush();
        out.push(`close ${code}`);
      },
    },
    wantsMask,
  );
  for (let at = 0; at < stream.length; at += pieceBytes) {
    const piece = stream.slice(at, at + pieceBytes);
    decoder.push(piece, piece.length);
  }
  flush();
  return out;
}

// RFC 6455 §5.7, byte by byte.
test.for([
  ['a text message in one frame', false, '81 05 48656c6c6f', ['Hello']],
  ['a masked text message in one frame', true, '81 85 37fa213d 7f9f4d5158', ['Hello']],
  ['a message in fragments', false, '01 03 48656c  80 02 6c6f', ['Hello']],
  ['a ping', false, '89 05 48656c6c6f', ['ping Hello']],
  ['a masked pong', true, '8a 85 37fa213d 7f9f4d5158', []],
  ['256 bytes in one frame', false, `82 7e 0100 ${'61'.repeat(256)}`, ['a'.repeat(256)]],
  ['64 KiB in one frame', false, `82 7f 0000000000010000 ${'62'.repeat(65_536)}`, ['b'.repeat(65_536)]],
  ['a ping between fragments', false, '02 03 48656c  89 00  80 02 6c6f', ['Hel', 'ping ', 'lo']],
  ['a close with its code', false, '88 02 03e8', ['close 1000']],
  ['a close without one, and nothing after it', false, '88 00 82 01 41', ['close 1005']],
  ['an empty message', false, '82 00 82 01 41', ['A']],
] as const)('%s', ([, wantsMask, frames, out]) => {
  expect(decode(hex(frames), wantsMask)).toEqual(out);
  expect(decode(hex(frames), wantsMask, 1)).toEqual(out);
  expect(decode(hex(frames), wantsMask, 3)).toEqual(out);
});

test.for([
  ['a client without a mask', true, '82 01 41', 'WebSocket frame without a mask'],
  ['a server with a mask', false, '82 81 37fa213d 7f', 'WebSocket frame with a mask'],
  ['an extension', false, 'c2 01 41', 'extension that was not agreed'],
  ['a continuation of nothing', false, '80 01 41', 'frame of type 0 between messages'],
  ['a message within a message', false, '02 01 41 82 01 41', 'frame of type 2 within a message'],
  ['an unknown type of data', false, '83 01 41', 'frame of type 3 between messages'],
  ['an unknown type of control', false, '8b 00', 'control frame of type 11'],
  ['a ping in fragments', false, '09 00', 'control frame of type 9, cut, 0 bytes'],
  ['a ping of 126 bytes', false, '89 7e 007e', '126 bytes, at most 125 allowed'],
  ['a frame without end', false, '82 7f 0000000100000000', 'frame of 4294967296 bytes, at most 67108864 allowed'],
  ['a frame beyond all numbers', false, '82 7f ffffffffffffffff', 'at most 67108864 allowed'],
] as const)('%s is refused by name', ([, wantsMask, frames, message]) => {
  expect(() => decode(hex(frames), wantsMask)).toThrow(message);
});

test('the output equals the examples of the standard', () => {
  expect(maskedBinary(hex('48656c6c6f'), MASK)).toEqual(hex('82 85 37fa213d 7f9f4d5158'));
  expect(pongFrame(hex('48656c6c6f'), MASK)).toEqual(hex('8a 85 37fa213d 7f9f4d5158'));
  expect(pongFrame(hex('48656c6c6f'), NONE)).toEqual(hex('8a 05 48656c6c6f'));
  expect(closeFrame(1000, NONE)).toEqual(hex('88 02 03e8'));
  expect(textFrame('Hello')).toEqual(hex('81 05 48656c6c6f'));
  expect(textFrame('ü')).toEqual(hex('81 02 c3bc'));
  expect(pingFrame()).toEqual(hex('89 00'));
});

test.for([
  [0, '82 00'],
  [125, '82 7d'],
  [126, '82 7e 007e'],
  [65_535, '82 7e ffff'],
  [65_536, '82 7f 0000000000010000'],
  [2 ** 32, '82 7f 0000000100000000'],
] as const)('the head of a frame of %i bytes', ([payloadBytes, head]) => {
  expect(binaryHead(payloadBytes)).toEqual(hex(head));
});

test('a key is accepted as in §1.3', () => {
  const sha1 = (text: string) => createHash('sha1').update(text).digest('base64');
  expect(acceptOf('dGhlIHNhbXBsZSBub25jZQ==', sha1)).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test("a client's data of any size is decoded unchanged, with any split", () => {
  const next = random(74);
  for (let round = 0; round < 200; round += 1) {
    const messages = Array.from({ length: 5 }, () =>
      Buffer.from(Uint8Array.from({ length: next() * 400 }, () => next() * 256)),
    );
    const mask = Uint8Array.from({ length: 4 }, () => next() * 256);
    const stream = Buffer.concat(messages.map((message) => maskedBinary(message, mask)));
    const out = decode(stream, true, 1 + Math.floor(next() * 90));
    expect(out.join('')).toBe(Buffer.concat(messages).toString('latin1'));
  }
});

test('a large frame is masked byte by byte as §5.3 says, and unmasked at any place in memory, with any split', () => {
  const next = random(76);
  for (let round = 0; round < 200; round += 1) {
    const payload = Uint8Array.from({ length: 500 + next() * 3_000 }, () => next() * 256);
    const mask = Uint8Array.from({ length: 4 }, () => next() * 256);
    const frame = maskedBinary(payload, mask);
    const head = frame.length - payload.length;
    expect(frame.subarray(head)).toEqual(payload.map((byte, i) => byte ^ (mask[i & 3] as number)));
    const place = Math.floor(next() * 8);
    const moved = Buffer.alloc(frame.length + 8).subarray(place, place + frame.length);
    moved.set(frame);
    const out = decode(moved, true, 1 + Math.floor(next() * frame.length));
    expect(out.join('')).toBe(Buffer.from(payload).toString('latin1'));
  }
});

test('damaged frames are read or rejected, without invented payload', () => {
  const next = random(75);
  const seed = hex('02 03 48656c  89 05 48656c6c6f  80 02 6c6f  82 7e 0080'.concat('61'.repeat(128), '88 02 03e8'));
  for (let round = 0; round < 20_000; round += 1) {
    const damaged = mutate(seed, next);
    try {
      const out = decode(damaged, false, 1 + Math.floor(next() * 40));
      expect(out.join('').length).toBeLessThanOrEqual(2 * seed.length);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
