import { expect, test } from 'vitest';
import { H264_TRACK } from '../../test/support/media/tracks.ts';
import { InterleavedWriter } from './interleaved-writer.ts';

test('frames of a sample whose cutting was broken off do not go out with the next', () => {
  const writer = new InterleavedWriter([H264_TRACK]);
  const payload = new Uint8Array(50);
  const overheadBytes = 16;
  writer.begin(0, 0, payload.length);
  writer.onPayload(0, 0, payload, 0, payload.length, false);
  writer.begin(0, 3_000, payload.length);
  writer.onPayload(0, 0, payload, 0, payload.length, true);
  expect(writer.end().length).toBe(overheadBytes + payload.length);
  expect(writer.packets).toBe(1);
});
