import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { Base64Decoder, encodeBase64 } from '../../agent/media/rtsp/base64-stream.ts';
import { HttpHeadReader, MAX_HTTP_HEAD_BYTES } from '../../agent/media/rtsp/http-head.ts';
import { binaryHead, maskedBinary, WebSocketDecoder } from '../../agent/media/websocket/frames.ts';
import { byLength } from '../peers/programs/peers.ts';
import { mutate } from '../support/base/mutate.ts';
import { random } from '../support/base/random.ts';
import { hex } from '../support/media/units.ts';

const times = (count: number): number => count * byLength(1, 10);

/** Pushes the bytes in pieces, as they might come from a network. */
function pushInPieces(bytes: Uint8Array, next: () => number, push: (piece: Uint8Array) => void): void {
  for (let at = 0; at < bytes.length; ) {
    const to = Math.min(bytes.length, at + 1 + Math.floor(next() ** 2 * 40));
    push(bytes.slice(at, to));
    at = to;
  }
}

/** Only PerchErrors, and how many. */
function refusals(count: number, seed: number, run: (next: () => number) => void): number {
  const next = random(seed);
  let refused = 0;
  for (let i = 0; i < count; i += 1) {
    try {
      run(next);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      refused += 1;
    }
  }
  return refused;
}

test('damaged base64 yields at most the bytes of its digits, or is rejected', () => {
  const seed = encodeBase64(new TextEncoder().encode('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n'));
  const refused = refusals(times(10_000), 1, (next) => {
    const bytes = mutate(seed, next);
    const decoder = new Base64Decoder();
    let decoded = 0;
    pushInPieces(bytes, next, (piece) => {
      decoded += decoder.push(piece, piece.length).length;
    });
    expect(decoded).toBeLessThanOrEqual((bytes.length * 3) / 4 + 1);
  });
  expect(refused).toBeGreaterThan(1000);
});

test('damaged WebSocket frames yield payload from inside them, or are rejected', () => {
  const payload = new TextEncoder().encode('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n');
  const mask = hex('11223344');
  const fromClient = Buffer.concat([
    maskedBinary(payload, mask),
    hex('8984 11223344 aabbccdd'),
    maskedBinary(payload, mask),
    hex('8882 11223344 12cb'),
  ]);
  const fromServer = Buffer.concat([
    binaryHead(payload.length),
    payload,
    hex('8902aabb'),
    hex('020141'),
    hex('800142'),
    hex('880203e8'),
  ]);
  for (const [wantsMask, seed] of [
    [true, fromClient],
    [false, fromServer],
  ] as const) {
    const refused = refusals(times(8_000), 2, (next) => {
      const bytes = mutate(seed, next);
      let handedOn = 0;
      const decoder = new WebSocketDecoder(
        {
          onPayload: (chunk, start, end) => {
            expect(start <= end && end <= chunk.length).toBe(true);
            handedOn += end - start;
          },
          onPing: (body) => {
            expect(body.length).toBeLessThanOrEqual(125);
            handedOn += body.length;
          },
          onClose: (code) => expect(code).toBeGreaterThanOrEqual(0),
        },
        wantsMask,
      );
      pushInPieces(bytes, next, (piece) => decoder.push(piece, piece.length));
      expect(handedOn).toBeLessThanOrEqual(bytes.length);
    });
    expect(refused).toBeGreaterThan(500);
  }
});

test('an endless HTTP head is rejected at its limit', () => {
  const next = random(3);
  const reader = new HttpHeadReader();
  let held = 0;
  const feed = () => {
    for (;;) {
      // No line feed among them.
      const piece = Uint8Array.from({ length: 1 + Math.floor(next() * 500) }, () => 32 + Math.floor(next() * 90));
      expect(reader.push(piece, piece.length)).toBe(-1);
      held = reader.bytes.length;
    }
  };
  expect(feed).toThrow(`more than ${MAX_HTTP_HEAD_BYTES} bytes`);
  expect(held).toBeLessThan(MAX_HTTP_HEAD_BYTES);
});
