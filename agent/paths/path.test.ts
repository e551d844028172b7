import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fake-clock.ts';
import { tinyH264 } from '../../test/tiny-h264.ts';
import { silentLogger } from '../base/log.ts';
import type { Stream } from '../stream/stream.ts';
import { Path, type PathRecorder } from './path.ts';

/** Takes as long to stop as the test wants. */
class SlowRecorder implements PathRecorder {
  readonly status = { active: false, error: null, since: null };
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

const pathWith = (recorder: PathRecorder): Path =>
  new Path({ name: 'cam', title: null, source: undefined, recorder }, new FakeClock(), silentLogger);

test('another recorder goes on with the stream once the one before has finished its file', async () => {
  const [first, second] = [new SlowRecorder(), new SlowRecorder()];
  const path = pathWith(first);
  const stream = path.open([tinyH264]);
  const changed = path.setRecorder(second);
  expect(second.started).toEqual([]);
  first.release();
  await changed;
  expect(second.started).toEqual([stream]);
});

test('a stream that comes while recorders are exchanged is begun once', async () => {
  const [first, second] = [new SlowRecorder(), new SlowRecorder()];
  const path = pathWith(first);
  path.open([tinyH264]);
  const changed = path.setRecorder(second);
  const next = path.open([tinyH264]);
  first.release();
  await changed;
  expect(second.started).toEqual([next]);
});

test('a path says since when it has no stream, from its first moment on', async () => {
  const clock = new FakeClock();
  const path = new Path({ name: 'cam', title: null, source: undefined, recorder: undefined }, clock, silentLogger);
  await clock.advance(5_000);
  expect(path.status.offlineSince).toBe('2026-01-01T00:00:00.000Z');
  path.open([tinyH264]);
  expect(path.status).toMatchObject({ offlineSince: null, readyTime: '2026-01-01T00:00:05.000Z' });
  await clock.advance(1_000);
  await path.stop();
  expect(path.status).toMatchObject({ offlineSince: '2026-01-01T00:00:06.000Z', readyTime: null });
});
