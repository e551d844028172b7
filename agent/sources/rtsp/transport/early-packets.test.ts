import { expect, test } from 'vitest';
import { rtpFrame } from '../../../../test/support/cameras/scripted-camera.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { RtspConnection } from '../../../transports/rtsp/request/connection.ts';
import { EarlyPackets } from './early-packets.ts';
import { Interleaved } from './interleaved.ts';

const PAYLOAD = new Uint8Array(1_000_000);

interface Taken {
  readonly track: number;
  readonly sequence: number;
  readonly atMs: number;
}

/** Two tracks; packets as the receivers take them. */
function session(named = -1) {
  const taken: Taken[] = [];
  const connection = { readAtMs: 0 };
  const early = new EarlyPackets();
  const interleaved = new Interleaved(connection as unknown as RtspConnection, early);
  const begun: (number | undefined)[] = [];
  const setUp = () => {
    for (const track of [0, 1]) {
      const receiver: Partial<TrackReceiver> = {
        isAnnounced: named >= 0,
        isMedia: () => true,
        isNamed: (packet) => packet[11] === named,
        startWith: (ssrc) => {
          begun[track] = ssrc;
        },
        packet: (chunk, start, _end, atMs) =>
          taken.push({ track, sequence: ((chunk[start + 2] as number) << 8) | (chunk[start + 3] as number), atMs }) > 0,
      };
      interleaved.trackTransport(receiver as TrackReceiver, [2 * track, 2 * track + 1], 2 * track);
    }
    early.setUp(0);
  };
  const send = (track: number, sequence: number, ssrc = 1, payload: Uint8Array = new Uint8Array(1)) => {
    const frame = rtpFrame(2 * track, payload, { type: 96, marker: true, sequence, ticks: 0, ssrc });
    connection.readAtMs = 10 * sequence;
    interleaved.onFrame(frame, 2 * track, 4, frame.length);
  };
  return { taken, early, begun, setUp, send, sequences: () => taken.map(({ sequence }) => sequence) };
}

test('packets before PLAY is answered are passed on in the order of their arrival, with its times', () => {
  const { taken, early, setUp, send } = session();
  for (const [i, track] of [0, 1, 0, 0, 1].entries()) {
    send(track, i);
  }
  setUp();
  early.markReply();
  expect(taken).toEqual([]);
  early.answer(1_000);
  send(0, 5);
  expect(taken).toEqual([]);
  send(1, 6);
  send(0, 7);
  expect(taken.map(({ track }) => track)).toEqual([0, 1, 0, 0, 1, 0, 1, 0]);
  expect(taken.map(({ sequence, atMs }) => [sequence, atMs])).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i, 10 * i]));
});

test('without packets before the reply to PLAY nothing waits', () => {
  const { early, setUp, send, sequences } = session();
  setUp();
  early.markReply();
  send(0, 1);
  early.answer(1_000);
  send(1, 2);
  expect(sequences()).toEqual([1, 2]);
});

test('the announced sender is that of its track, whatever comes after the reply to PLAY', () => {
  const { early, setUp, send, sequences, begun } = session(7);
  setUp();
  send(0, 1, 5);
  send(0, 2, 7);
  early.markReply();
  send(0, 3, 5);
  early.answer(1_000);
  // After the first packet of its own, those of others are the receiver's to judge.
  expect(sequences()).toEqual([2, 3]);
  expect(begun[0]).toBe(7);
});

test.for<[what: string, named: number]>([
  ['no sender', -1],
  ['a sender that does not come', 9],
])(
  'announced is %s: the one of the first packet after the reply counts, after half a second of silence the last one',
  ([, named]) => {
    const { early, setUp, send, sequences, begun } = session(named);
    setUp();
    send(0, 1, 5);
    send(0, 2, 6);
    send(1, 3, 5);
    send(1, 4, 6);
    early.markReply();
    early.answer(1_000);
    send(1, 5, 5);
    early.tick(1_400);
    expect(sequences()).toEqual([]);
    early.tick(1_500);
    expect(begun).toEqual([6, 5]);
    expect(sequences()).toEqual([2, 3, 4, 5]);
  },
);

test('packets wait for the reply to PLAY for a second', () => {
  const { early, setUp, send, sequences } = session();
  setUp();
  send(0, 1);
  send(0, 99);
  expect(sequences()).toEqual([]);
  send(0, 100);
  send(0, 101);
  early.answer(1_020);
  expect(sequences()).toEqual([1, 99, 100, 101]);
});

test('more than 16 MiB are dropped before all tracks are set up, and passed on at once afterwards', () => {
  const { early, setUp, send, sequences } = session();
  for (let i = 1; i <= 18; i += 1) {
    send(0, i, 1, PAYLOAD);
  }
  setUp();
  expect(sequences()).toEqual([]);
  send(0, 19, 1, PAYLOAD);
  send(0, 20);
  early.answer(1_000);
  expect(sequences()).toEqual([...Array.from({ length: 16 }, (_, i) => i + 1), 19, 20]);
});
