import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { frame } from '../../../../test/support/clients/webrtc/ice-client.ts';
import { PerchError } from '../../../base/errors.ts';
import { FrameReader } from './frame-reader.ts';

function readAll(chunks: readonly Uint8Array[]): string[] {
  const frames: string[] = [];
  const reader = new FrameReader({ onFrame: (one) => frames.push(one.toString('hex')) });
  for (const chunk of chunks) {
    reader.read(Buffer.from(chunk));
  }
  return frames;
}

test('frames are the same wherever the network has cut the stream', () => {
  const next = random(7);
  const pick = (limit: number): number => Math.floor(next() * limit);
  for (let run = 0; run < 500; run += 1) {
    const sent = Array.from({ length: 1 + pick(8) }, () =>
      Uint8Array.from({ length: 1 + pick(run % 5 === 0 ? 2_048 : 20) }, () => pick(256)),
    );
    const stream = Buffer.concat(sent.map(frame));
    const chunks: Buffer[] = [];
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + pick(run % 2 === 0 ? 3 : 900);
      chunks.push(stream.subarray(at, end));
      at = end;
    }
    expect(readAll(chunks)).toEqual(sent.map((one) => Buffer.from(one).toString('hex')));
  }
});

test('a split frame has its own buffer, a complete one is a view', () => {
  const frames: Buffer[] = [];
  const reader = new FrameReader({ onFrame: (one) => frames.push(one) });
  const whole = Buffer.from('0002aabb0002cc', 'hex');
  reader.read(whole);
  reader.read(Buffer.from('dd', 'hex'));
  expect(frames.map((one) => one.toString('hex'))).toEqual(['aabb', 'ccdd']);
  whole.fill(0);
  expect(frames.map((one) => one.toString('hex'))).toEqual(['0000', 'ccdd']);
});

test('empty frames are ignored', () => {
  expect(readAll([Buffer.from('0000000000', 'hex'), Buffer.from('0001ff0000', 'hex')])).toEqual([]);
  expect(readAll([Buffer.from('000000000001ff0000', 'hex')])).toEqual(['ff']);
});

test.for([
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n')],
  ['a TLS hello', Buffer.from('16030100c8', 'hex')],
  ['a frame above the limit', Buffer.from('0801', 'hex')],
] as const)('%s is rejected by its first two bytes', ([, bytes]) => {
  expect(() => readAll([bytes])).toThrow(/^TCP frame of \d+ bytes, at most 2048 allowed$/);
  expect(() => readAll([bytes.subarray(0, 1), bytes.subarray(1)])).toThrow(PerchError);
});

test('garbage is cut into frames or rejected, and only one frame is held', () => {
  const next = random(9);
  for (let run = 0; run < 2_000; run += 1) {
    let largest = 0;
    const reader = new FrameReader({
      onFrame: (one) => {
        largest = Math.max(largest, one.length);
      },
    });
    try {
      for (let i = 0; i < 20; i += 1) {
        reader.read(Buffer.from(Uint8Array.from({ length: 1 + next() * 60 }, () => next() ** 3 * 256)));
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
    expect(largest).toBeLessThanOrEqual(2_048);
  }
});
