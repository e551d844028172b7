import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { ScriptedSource } from '../../test/support/cameras/scripted-source.ts';
import { RTSP_SESSION, readerOf, WEBRTC_SESSION } from '../../test/support/media/reader.ts';
import { tinyH264, tinyVideo } from '../../test/support/media/tiny-h264.ts';
import { PerchError } from '../base/errors.ts';
import { createLogger, type Logger, silentLogger } from '../base/log.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { G711Track } from '../media/sample/track.ts';
import { containerStream } from '../stream/container-stream.ts';
import { Path } from './path.ts';

const g711: G711Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8000, channels: 1 };

/** A path on demand with 10 s to start and 10 s to close. */
interface Setup {
  readonly maxReaders?: number;
  readonly usesQuery?: boolean;
  readonly log?: Logger;
}

function pathOnDemand(more: Setup = {}) {
  const clock = new FakeClock();
  const source = new ScriptedSource();
  const queries: string[] = [];
  let idle = 0;
  const path = new Path(
    {
      name: 'cam',
      confName: 'cam',
      title: null,
      origin: {
        kind: 'pulled',
        source: {
          make: (query) => {
            queries.push(query);
            return source;
          },
          usesQuery: more.usesQuery ?? false,
          isNews: () => true,
          forget: () => {},
        },
        onDemand: { startTimeoutMs: 10_000, closeAfterMs: 10_000 },
      },
      recorder: undefined,
      maxReaders: more.maxReaders ?? 0,
      onIdle: () => {
        idle += 1;
      },
    },
    clock,
    more.log ?? silentLogger,
  );
  path.start();
  return { clock, source, path, queries, idleCount: () => idle };
}

/** With a request, for which the source has started. */
async function streaming(more: Setup = {}) {
  const { clock, source, path } = pathOnDemand(more);
  const request = path.open('');
  await clock.advance(0);
  const stream = source.deliver([tinyH264]);
  await request;
  return { clock, source, path, stream };
}

test('without a request the source is not started, and the status says that a request would start it', async () => {
  const { clock, source, path } = pathOnDemand();
  await clock.advance(60_000);
  expect(source.runs).toBe(0);
  expect(path.status).toMatchObject({
    ...{ sourceOnDemand: true, sourceState: 'stopped', ready: false, lastError: null },
    source: { type: 'scripted', id: '' },
  });
});

test('the first request starts the source, and all waiting requests get its stream', async () => {
  const { clock, source, path } = pathOnDemand();
  const [first, second] = [path.open(''), path.open('')];
  await clock.advance(3_000);
  expect(source.runs).toBe(1);
  expect(path.status).toMatchObject({ sourceState: 'running', ready: false });
  const stream = source.deliver([tinyH264]);
  expect(stream.isOnDemand).toBe(true);
  expect(await first).toBe(stream);
  expect(await second).toBe(stream);
  expect(await path.open('')).toBe(stream);
  expect(source.runs).toBe(1);
});

test('a source that does not start in time is stopped, and every request fails with the reason', async () => {
  const { clock, source, path, idleCount } = pathOnDemand();
  const failures = [path.open(''), path.open('')].map((request) => request.catch((error: unknown) => error));
  await clock.advance(100);
  source.fail(new PerchError('unavailable', 'connection refused'));
  await clock.advance(9_899);
  expect(source.runs).toBe(2);
  expect(path.status.sourceState).toBe('running');
  await clock.advance(1);
  for (const failure of await Promise.all(failures)) {
    expect(failure).toMatchObject({ code: 'timeout', message: "source of path 'cam' has timed out" });
    expect(failure).toMatchObject({ cause: { message: 'connection refused' } });
  }
  expect(source.isRunning).toBe(false);
  expect(path.status).toMatchObject({ sourceState: 'stopped', lastError: 'connection refused' });
  expect(idleCount()).toBe(1);
});

test('requests fail at once while the box of the source is away, and the next one tries again', async () => {
  const { clock, source, path } = pathOnDemand();
  for (const runs of [1, 2]) {
    const failures = [path.open(''), path.open('')].map((request) => request.catch((error: unknown) => error));
    await clock.advance(100);
    expect(source.runs).toBe(runs);
    source.fail(new PerchError('unavailable', "box 'Home' is away since 12:00", { why: 'away', absence: 'x' }));
    await clock.advance(0);
    for (const failure of await Promise.all(failures)) {
      const context = { why: 'away', absence: 'x' };
      const message = expect.stringContaining("box 'Home' is away");
      expect(failure).toMatchObject({ code: 'unavailable', message, context });
    }
    expect(source.isRunning).toBe(false);
    await clock.advance(1_000);
  }
});

test('the time that a source waits for a login turn does not count', async () => {
  const { clock, source, path } = pathOnDemand();
  const request = path.open('');
  await clock.advance(9_000);
  source.heldMs = 9_000;
  await clock.advance(9_500);
  const stream = source.deliver([tinyH264]);
  expect(await request).toBe(stream);
  await path.stop();
});

test('a requested stream without a reader ends after closeAfter', async () => {
  const { clock, source, stream } = await streaming();
  await clock.advance(9_999);
  expect(stream.isClosed).toBe(false);
  await clock.advance(1);
  expect(stream.isClosed).toBe(true);
  expect(source.isRunning).toBe(false);
});

test('readers keep the source; a new one within closeAfter gets the same connection', async () => {
  const { clock, source, path, stream } = await streaming();
  const [first, second] = [readerOf(RTSP_SESSION), readerOf(WEBRTC_SESSION)];
  stream.addReader(first, false);
  await clock.advance(60_000);
  stream.removeReader(first);
  await clock.advance(9_000);
  expect(await path.open('')).toBe(stream);
  stream.addReader(second, false);
  await clock.advance(60_000);
  expect(stream.isClosed).toBe(false);
  expect(source.runs).toBe(1);
  stream.removeReader(second);
  await clock.advance(10_000);
  expect(stream.isClosed).toBe(true);
});

test('recorders and shared outputs do not count as readers, the HLS muxer does', async () => {
  const { clock, source, path } = pathOnDemand();
  const request = path.open('');
  await clock.advance(0);
  const stream = source.deliver([tinyH264, g711]);
  await request;
  // Both read the container stream, with FLAC instead of G.711.
  const recorder = readerOf(undefined);
  const muxer = readerOf(undefined, true);
  containerStream(stream).addReader(recorder, false);
  stream.addReader(readerOf(undefined), false);
  expect(stream.audience).toBe(0);
  containerStream(stream).addReader(muxer, false);
  expect(stream.audience).toBe(1);
  await clock.advance(60_000);
  expect(stream.isClosed).toBe(false);
  containerStream(stream).removeReader(muxer);
  expect(stream.audience).toBe(0);
  await clock.advance(10_000);
  expect(stream.isClosed).toBe(true);
});

test('a removed reader no longer counts', async () => {
  const { clock, stream } = await streaming();
  const broken = readerOf(RTSP_SESSION);
  broken.onSample = () => {
    throw new Error('broken');
  };
  stream.addReader(broken, false);
  stream.write(0, tinyVideo(1, 25, 25)[0] as Sample);
  await clock.advance(10_000);
  expect(stream.isClosed).toBe(true);
});

test('a source that reopens its stream with another track keeps running, and requests get the new stream', async () => {
  const { clock, source, path, stream } = await streaming();
  stream.addReader(readerOf(RTSP_SESSION), false);
  const again = source.deliver([tinyH264, g711]);
  expect(stream.isClosed).toBe(true);
  expect(await path.open('')).toBe(again);
  expect(source.runs).toBe(1);
  await clock.advance(9_999);
  expect(source.isRunning).toBe(true);
  await clock.advance(1);
  expect(source.isRunning).toBe(false);
});

test('a source that fails ends its readers, and the next request starts it again', async () => {
  const { clock, source, path, stream } = await streaming();
  const reader = readerOf(RTSP_SESSION);
  stream.addReader(reader, false);
  await clock.advance(5_000);
  source.fail(new PerchError('unavailable', 'the camera broke the connection'));
  await clock.advance(60_000);
  expect(reader.ends).toBe(1);
  expect(source.runs).toBe(1);
  expect(path.status).toMatchObject({ sourceState: 'stopped', lastError: 'the camera broke the connection' });
  const again = path.open('');
  await clock.advance(0);
  expect(source.runs).toBe(2);
  expect(await Promise.all([again, source.deliver([tinyH264])])).toHaveLength(2);
});

test('a source is started again only after its connection has closed', async () => {
  const { clock, source, path } = pathOnDemand();
  source.isSlowToEnd = true;
  const request = path.open('');
  await clock.advance(0);
  source.deliver([tinyH264]);
  await request;
  await clock.advance(10_000);
  const again = path.open('');
  await clock.advance(1_000);
  expect(source.runs).toBe(1);
  source.letGo();
  await clock.advance(0);
  expect(source.runs).toBe(2);
  const stream = source.deliver([tinyH264]);
  expect(await again).toBe(stream);
});

test('a stopped source opens no stream', async () => {
  const { clock, source, path } = pathOnDemand();
  source.isSlowToEnd = true;
  const request = path.open('').catch(() => {});
  await clock.advance(10_000);
  await request;
  expect(() => source.deliver([tinyH264])).toThrow('the source was stopped');
  expect(path.hasStream).toBe(false);
});

test('a reader beyond maxReaders is rejected', async () => {
  const { path, stream } = await streaming({ maxReaders: 1 });
  const reader = readerOf(RTSP_SESSION);
  stream.addReader(reader, false);
  await expect(path.open('')).rejects.toMatchObject({
    code: 'exhausted',
    message: "maximum reader count reached: path 'cam' has 1",
  });
  stream.removeReader(reader);
  expect(await path.open('')).toBe(stream);
});

test('requests fail when the path is removed', async () => {
  const { clock, source, path } = pathOnDemand();
  const request = path.open('');
  const failure = request.catch((error: unknown) => error);
  await clock.advance(1_000);
  await path.stop();
  expect(await failure).toMatchObject({ code: 'notFound' });
  expect(source.isRunning).toBe(false);
});

test('the source gets the query of the reader that starts it', async () => {
  const { clock, path, queries } = pathOnDemand({ usesQuery: true });
  path.open('user=me').catch(() => {});
  await clock.advance(0);
  expect(queries).toEqual(['', 'user=me']);
  await path.stop();
});

test('a rejected password is not sent again for each request', async () => {
  const { clock, source, path } = pathOnDemand();
  source.refusal = new PerchError('unauthorized', 'camera rejected the password');
  for (let i = 0; i < 30; i += 1) {
    const failure = path.open('').catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await failure).toMatchObject({ code: 'timeout', cause: { message: 'camera rejected the password' } });
  }
  // Five minutes of requests.
  expect(source.runs).toBe(2);
  source.refusal = undefined;
  await clock.advance(600_000);
  const request = path.open('');
  await clock.advance(0);
  const stream = source.deliver([tinyH264]);
  expect(await request).toBe(stream);
});

test('a camera that is disconnected without readers is logged once, and not when it fails or never connected', async () => {
  const lines: string[] = [];
  const { clock, source, path } = pathOnDemand({ log: createLogger('info', (line) => lines.push(line)) });
  const letGo = () => lines.filter((line) => line.includes('no readers, camera disconnected')).length;
  path.open('').catch(() => {});
  await clock.advance(10_000);
  expect(letGo()).toBe(0);
  const opened = path.open('');
  await clock.advance(0);
  source.deliver([tinyH264]);
  await opened;
  await clock.advance(10_000);
  expect([letGo(), path.status.sourceState]).toEqual([1, 'stopped']);
  const again = path.open('');
  await clock.advance(0);
  source.deliver([tinyH264]);
  await again;
  source.fail(new PerchError('unavailable', 'the camera broke the connection'));
  await clock.advance(10_000);
  expect(letGo()).toBe(1);
});
