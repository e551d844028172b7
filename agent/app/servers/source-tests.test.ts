import { expect, test } from 'vitest';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { PerchError } from '../../base/errors.ts';
import type { Source, StreamSink } from '../../stream/contracts.ts';
import { SourceTests } from './source-tests.ts';

const { signal } = new AbortController();
const [PICTURE] = tinyVideo(1, 1, 25);
const until = (stop: AbortSignal): Promise<void> =>
  new Promise((resolve) => stop.addEventListener('abort', () => resolve()));

/** Tests a source that runs like this. */
function testOf(run: (sink: StreamSink, stop: AbortSignal) => Promise<void>, testDeadlineMs = 5_000) {
  const begun: string[] = [];
  const ended: string[] = [];
  const source: Source = {
    type: 'srtSource',
    run: async (sink, stop) => {
      begun.push('begun');
      await run(sink, stop);
      ended.push('ended');
    },
  };
  const tests = new SourceTests({ makeSource: () => source, signal, testDeadlineMs });
  const config = good('paths: {cam: {source: "srt://h:1"}, local: {source: "unix+mpegts:///run/cam.sock"}, stage: {}}');
  return { begun, ended, config, tests, run: (name = 'cam') => tests.run(config, name, signal) };
}

test('a source is good with its first picture, and its connection is closed', async () => {
  const { run, ended } = testOf(async (sink, stop) => {
    const stream = sink.publish([tinyH264]);
    if (PICTURE) {
      stream.write(0, PICTURE);
    }
    await until(stop);
  });
  const { isGood, tracks2, error, why } = await run();
  expect([isGood, tracks2, error, why]).toEqual([
    true,
    [{ codec: 'H264', codecProps: expect.objectContaining({ width: expect.any(Number) }) }],
    null,
    null,
  ]);
  expect(ended).toEqual(['ended']);
});

test.for([
  [new PerchError('unauthorized', 'the SRT listener has another passphrase, or none'), 'password'],
  [new PerchError('timeout', 'no SRT listener answers at port 1', { isUnreachable: true }), 'silent'],
  [new PerchError('unavailable', 'camera is not there', { absence: 'closed' }), 'closed'],
  [new PerchError('unavailable', 'the server answered 404', { status: 404 }), 'noStream'],
  [new PerchError('unsupported', 'the stream offers text'), 'notSupported'],
  [new Error('getaddrinfo ENOTFOUND'), null],
] as const)('%s is answered as the reason %s', async ([failure, why]) => {
  const { run } = testOf(() => Promise.reject(failure));
  expect(await run()).toEqual({ isGood: false, tracks2: [], error: failure.message, why });
});

test('a source that is connected and sends no picture times out', async () => {
  const { run } = testOf((sink, stop) => {
    sink.publish([tinyH264]);
    return until(stop);
  }, 50);
  expect(await run()).toMatchObject({ isGood: false, why: 'silent', error: expect.stringMatching(/sends no picture/) });
});

test('there is nothing to test where a program publishes', async () => {
  const { run } = testOf(() => Promise.resolve());
  await expect(run('stage')).rejects.toThrow('nothing to connect to');
});

test('a local socket is not opened by a test', async () => {
  const { begun, run } = testOf(() => Promise.resolve());
  expect(await run('local')).toMatchObject({
    isGood: false,
    error: expect.stringMatching(/^unix\+mpegts:.*not tested/),
  });
  expect(begun).toEqual([]);
});

test('a client that leaves ends the test', async () => {
  const { tests, config, ended } = testOf((_sink, stop) => until(stop));
  const left = new AbortController();
  const result = tests.run(config, 'cam', left.signal);
  left.abort();
  expect(await result).toMatchObject({ isGood: false });
  expect(ended).toEqual(['ended']);
});

test('a client that leaves before its turn starts no test', async () => {
  const { tests, config, begun } = testOf((_sink, stop) => until(stop));
  const clients = Array.from({ length: 5 }, () => new AbortController());
  const answers = clients.map((client) => tests.run(config, 'cam', client.signal));
  for (const client of clients.reverse()) {
    client.abort();
  }
  expect(await Promise.all(answers)).toMatchObject(Array.from({ length: 5 }, () => ({ isGood: false })));
  expect(begun).toHaveLength(4);
});
