import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { HLS_SESSION, RTSP_SESSION } from '../../test/support/media/reader.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../base/log.ts';
import type { Publisher } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';
import { Path } from './path.ts';
import type { PathRecorder } from './path-status.ts';

/** Takes as long to stop as the test wants. */
class SlowRecorder implements PathRecorder {
  readonly status = { active: false, error: null, why: null, since: null };
  readonly started: Stream[] = [];
  readonly #stopped = Promise.withResolvers<void>();

  start(stream: Stream): void {
    this.started.push(stream);
  }

  stop(): Promise<void> {
    return this.#stopped.promise;
  }

  release(): void {
    this.#stopped.resolve();
  }
}

const publisher: Publisher = { kind: RTSP_SESSION, id: 'p', onReplaced: () => {} };
const pathWith = (recorder: PathRecorder | undefined, clock = new FakeClock(), mayOverride = true): Path =>
  new Path(
    {
      name: 'cam',
      confName: 'cam',
      title: null,
      origin: { kind: 'publisher', mayOverride, usesSenderClock: false },
      recorder,
      maxReaders: 0,
    },
    clock,
    silentLogger,
  );

test('a replaced recorder finishes its file before the next one starts', async () => {
  const [first, second] = [new SlowRecorder(), new SlowRecorder()];
  const path = pathWith(first);
  const stream = path.publish(publisher).publish([tinyH264]);
  const changed = path.setRecorder(second);
  expect(second.started).toEqual([]);
  first.release();
  await changed;
  expect(second.started).toEqual([stream]);
});

test('a stream that opens while the recorder is replaced is recorded once', async () => {
  const [first, second] = [new SlowRecorder(), new SlowRecorder()];
  const path = pathWith(first);
  path.publish(publisher).publish([tinyH264]);
  const changed = path.setRecorder(second);
  const next = path.publish(publisher).publish([tinyH264]);
  first.release();
  await changed;
  expect(second.started).toEqual([next]);
});

test('offlineSince is set from the start', async () => {
  const clock = new FakeClock();
  const path = pathWith(undefined, clock);
  await clock.advance(5_000);
  expect(path.status.offlineSince).toBe('2026-01-01T00:00:00.000Z');
  path.publish(publisher).publish([tinyH264]);
  expect(path.status).toMatchObject({ offlineSince: null, readyTime: '2026-01-01T00:00:05.000Z' });
  await clock.advance(1_000);
  await path.stop();
  expect(path.status).toMatchObject({ offlineSince: '2026-01-01T00:00:06.000Z', readyTime: null });
});

/** Writes down why it had to go. */
function publisherOf(id: string) {
  const reasons: string[] = [];
  return { kind: RTSP_SESSION, id, reasons, onReplaced: (reason: string) => void reasons.push(reason) };
}

test('the stream of a publisher is recorded and listed like that of a camera', async () => {
  const recorder = new SlowRecorder();
  const path = pathWith(recorder);
  expect(path.status).toMatchObject({ ready: false, source: null, sourceState: null });
  const publication = path.publish(publisherOf('one'));
  expect(path.status).toMatchObject({ ready: false, source: { type: 'rtspSession', id: 'one' } });
  const stream = publication.publish([tinyH264]);
  expect(recorder.started).toEqual([stream]);
  expect(await path.open('')).toBe(stream);
  expect(path.status).toMatchObject({ ready: true, tracks: ['H264'], source: { type: 'rtspSession', id: 'one' } });
  publication.close();
  expect(stream.isClosed).toBe(true);
  expect(path.status).toMatchObject({ ready: false, source: null });
});

test('viewers of shared outputs are listed with the readers, but do not count as readers', () => {
  const path = pathWith(undefined);
  const stream = path.publish(publisher).publish([tinyH264]);
  stream.viewers.add({ kind: HLS_SESSION, id: 'b' }).add({ kind: HLS_SESSION, id: 'a' });
  expect(path.status.readers).toEqual([
    { type: 'hlsSession', id: 'a' },
    { type: 'hlsSession', id: 'b' },
  ]);
  expect([stream.audience, stream.readers.length]).toEqual([0, 0]);
});

test('a new publisher replaces the present one and ends its readers', () => {
  const path = pathWith(undefined);
  const [first, second] = [publisherOf('one'), publisherOf('two')];
  const old = path.publish(first);
  const stream = old.publish([tinyH264]);
  const publication = path.publish(second);
  expect(first.reasons).toEqual(["another publisher has taken path 'cam'"]);
  expect(stream.isClosed).toBe(true);
  const next = publication.publish([tinyH264]);
  // Late calls of the first publisher do not affect the second.
  old.close();
  expect(() => old.publish([tinyH264])).toThrow("another publisher has taken path 'cam'");
  expect(next.isClosed).toBe(false);
  expect(path.status.source).toEqual({ type: 'rtspSession', id: 'two' });
});

test('with overridePublisher off the first publisher keeps the path', () => {
  const path = pathWith(undefined, new FakeClock(), false);
  const first = publisherOf('one');
  const publication = path.publish(first);
  expect(() => path.publish(publisherOf('two'))).toThrow("someone is already publishing to path 'cam'");
  expect(first.reasons).toEqual([]);
  publication.close();
  expect(() => path.publish(publisherOf('two'))).not.toThrow();
});

test('a publisher is notified when its path is removed', async () => {
  const path = pathWith(undefined);
  const publisher = publisherOf('one');
  path.publish(publisher).publish([tinyH264]);
  await path.stop();
  expect(publisher.reasons).toEqual(["path 'cam' was removed or changed"]);
});

test('hasBFrames keeps the value of the last stream', () => {
  const path = pathWith(undefined);
  const publication = path.publish(publisher);
  const write = (stream: Stream, pts: number, dts: number, key: boolean) =>
    stream.write(0, { pts, dts, wall: 0, key, data: new Uint8Array(1) });
  const first = publication.publish([tinyH264]);
  write(first, 0, 0, true);
  expect(path.status.hasBFrames).toBeNull();
  write(first, 9_000, 3_000, false);
  expect(path.status.hasBFrames).toBe(true);
  publication.close();
  expect(path.status.hasBFrames).toBe(true);
  const second = path.publish(publisher).publish([tinyH264]);
  expect(path.status.hasBFrames).toBe(true);
  write(second, 0, 0, true);
  write(second, 3_000, 3_000, false);
  expect(path.status.hasBFrames).toBe(false);
});
