import { expect, test } from 'vitest';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { RtspConnection } from '../../../transports/rtsp/request/connection.ts';
import { Interleaved } from './interleaved.ts';

const FRAME_BYTES = 1_000_000;

test('packets before PLAY are passed on in order with their times, at most 4 MiB of them', () => {
  const taken: [first: number | undefined, atMs: number][] = [];
  const receiver = {
    packet: (chunk: Uint8Array, start: number, _end: number, atMs: number) => taken.push([chunk[start], atMs]),
  } as unknown as TrackReceiver;
  const connection = { readAtMs: 0 };
  const interleaved = new Interleaved(connection as unknown as RtspConnection);
  const chunk = new Uint8Array(FRAME_BYTES);
  const send = (first: number) => {
    chunk[0] = first;
    connection.readAtMs = 10 * first;
    interleaved.onFrame(chunk, 0, 0, chunk.length);
  };
  for (let first = 1; first <= 6; first += 1) {
    send(first);
  }
  interleaved.trackTransport(receiver, [0, 1], 0);
  expect(taken).toEqual([]);
  interleaved.open();
  interleaved.open();
  send(7);
  expect(taken).toEqual([1, 2, 3, 4, 7].map((first) => [first, 10 * first]));
});
