import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { H264_TRACK } from '../../../test/support/media/tracks.ts';
import { Stream } from '../../stream/stream.ts';
import { FrameSender } from './frame-sender.ts';

/** A connection that sends when the test says so. */
class Link {
  queuedBytes = 0;
  readonly writes: Uint8Array[] = [];

  writeFrames(frames: Uint8Array): void {
    this.writes.push(frames);
    this.queuedBytes += frames.length;
  }

  /** Channels of the RTP frames written so far. */
  get channels(): number[] {
    return this.writes.map((frames) => frames[1] ?? -1).filter((channel) => channel % 2 === 0);
  }
}

function open(limitBytes: number) {
  const clock = new FakeClock();
  const stream = new Stream([H264_TRACK]);
  const link = new Link();
  const sender = new FrameSender(stream, link, { maxPayloadBytes: 1_460, limitBytes, writeTimeoutMs: 10_000 }, clock);
  let pictures = 0;
  const film = (key: boolean, bytes: number) => {
    const data = new Uint8Array(4 + bytes);
    new DataView(data.buffer).setUint32(0, bytes);
    data[4] = key ? 0x65 : 0x41;
    const pts = 3_600 * pictures;
    pictures += 1;
    stream.write(0, { pts, dts: pts, wall: clock.wallMs(), key, data });
  };
  return { clock, stream, link, sender, film };
}

test('a slow destination loses pictures up to the next key frame, once half of the queue is free', () => {
  const { link, sender, film } = open(10_000);
  sender.start();
  film(true, 8_000);
  film(false, 8_000);
  const sent = sender.sentBytes;
  film(false, 100);
  film(true, 100);
  expect(sender.sentBytes).toBe(sent);
  link.queuedBytes = 4_000;
  film(false, 100);
  expect(sender.sentBytes).toBe(sent);
  film(true, 100);
  film(false, 100);
  expect(sender.sentBytes).toBeGreaterThan(sent + 200);
  expect(link.queuedBytes).toBeLessThan(20_000);
  sender.close();
});

test('the first group of pictures may exceed the limit', () => {
  const { stream, link, sender, film } = open(10_000);
  film(true, 50_000);
  film(false, 50_000);
  sender.start();
  expect(sender.sentBytes).toBeGreaterThan(100_000);
  film(false, 100);
  expect(link.queuedBytes).toBeGreaterThan(100_000);
  sender.close();
  expect(stream.readers.length).toBe(0);
});

test('a destination that reads nothing for the write timeout has failed; one that reads a little has not', async () => {
  const { clock, link, sender, film } = open(10_000);
  let failure: unknown;
  void sender.failed.then((cause) => {
    failure = cause;
  });
  sender.start();
  film(true, 100);
  await clock.advance(9_000);
  link.queuedBytes -= 1;
  await clock.advance(9_000);
  expect(failure).toBeUndefined();
  await clock.advance(3_000);
  expect(failure).toMatchObject({ code: 'timeout', message: 'destination has read nothing for 10 s' });
  sender.close();
});

test('other channels that the destination chose are used for RTP and reports', () => {
  const { link, sender, film } = open(10_000);
  sender.setChannel(0, 4);
  sender.start();
  film(true, 100);
  expect(new Set(link.channels)).toEqual(new Set([4]));
  sender.close();
});
