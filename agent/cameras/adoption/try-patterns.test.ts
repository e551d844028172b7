import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Progress } from './progress.ts';
import { STREAM_PATTERNS } from './stream-patterns.ts';
import { type Trial, tryPatterns } from './try-patterns.ts';

const LOGIN = { user: 'admin', password: 's3cret' };
const PROOF = { hasSound: false, codec: 'H264' };
const missing = () => new PerchError('notFound', 'no such stream');
const refused = () => new PerchError('unauthorized', 'refused');

/** A camera that answers each path as `answer` says; `asked` has when and what. */
function trying(answer: (path: string) => Error | undefined, trial: Partial<Trial> = {}) {
  const clock = new FakeClock();
  const asked: { atMs: number; path: string }[] = [];
  const steps: Progress[] = [];
  const stop = new AbortController();
  const found = tryPatterns(
    { host: '192.168.1.9', credentials: LOGIN, ...trial },
    {
      clock,
      signal: stop.signal,
      isOpen: async () => true,
      speaksRtsp: async (_host, port) => port === 8554,
      onProgress: (progress) => steps.push(progress),
      probeStream: async (url) => {
        const { pathname, search, host } = new URL(url);
        expect(host).toBe('192.168.1.9:8554');
        asked.push({ atMs: clock.monoMs(), path: pathname + search });
        const error = answer(pathname + search);
        if (error) {
          throw error;
        }
        return PROOF;
      },
    },
  );
  const outcome = found.then(
    (value) => ({ value, error: undefined }),
    (error: PerchError) => ({ value: undefined, error }),
  );
  let isOver = false;
  void outcome.then(() => {
    isOver = true;
  });
  const finish = async () => {
    while (!isOver) {
      await clock.advance(1_000);
    }
    return outcome;
  };
  return { asked, steps, stop, clock, finish };
}

test('addresses are asked one a second until one is described, and then its small stream', async () => {
  const run = trying((path) => (path.startsWith('/Preview_01') ? undefined : missing()), { isClearAllowed: true });
  const { value } = await run.finish();
  expect(value).toEqual({
    makers: 'Reolink',
    main: 'rtsp://192.168.1.9:8554/Preview_01_main',
    sub: 'rtsp://192.168.1.9:8554/Preview_01_sub',
    probed: PROOF,
  });
  expect(run.asked.map(({ path }) => path)).toEqual([
    '/Streaming/Channels/101',
    '/cam/realmonitor?channel=1&subtype=0',
    '/Preview_01_main',
    '/Preview_01_sub',
  ]);
  expect(run.asked.map(({ atMs }) => atMs)).toEqual([0, 1_000, 2_000, 3_000]);
  expect(run.steps.at(-1)).toEqual({ what: 'Reolink: /Preview_01_main', done: 2, total: STREAM_PATTERNS.length });
});

test('a camera without a sub stream gets none', async () => {
  const run = trying((path) => (path === '/stream1' ? undefined : missing()), { maker: 'tapo' });
  expect((await run.finish()).value).toMatchObject({ main: 'rtsp://192.168.1.9:8554/stream1', sub: undefined });
});

test('a password in an address, readable on the network, is rejected unless that is allowed', async () => {
  const run = trying(missing, { maker: 'XMEye' });
  const { error } = await run.finish();
  expect(run.asked.map(({ path }) => path).join()).not.toContain('s3cret');
  expect(run.asked.length).toBe(STREAM_PATTERNS.length - 1);
  expect(error?.message).toMatch(/XM, XMEye .*clearPassword/);
});

test('the address of a stream is reported without its login', async () => {
  const run = trying((path) => (path.startsWith('/user=admin&password=s3cret&') ? undefined : missing()), {
    maker: 'XMEye',
    isClearAllowed: true,
  });
  const { value } = await run.finish();
  expect(value?.main).toBe('rtsp://192.168.1.9:8554/user={user}&password={password}&channel=1&stream=0.sdp');
  expect(JSON.stringify(run.steps)).not.toContain('s3cret');
});

test('it stops after two rejected logins, before the camera locks out: some cameras reject every path', async () => {
  const run = trying(refused);
  const { error } = await run.finish();
  // Its words say which login: some take one in the clear only.
  expect(error).toMatchObject({ code: 'unauthorized', message: 'refused', context: { camera: 'wrongPassword' } });
  expect(run.asked.length).toBe(2);
});

test('one rejected path does not prove a wrong password', async () => {
  const run = trying((path) =>
    path.startsWith('/Streaming') ? refused() : path === '/stream1' ? undefined : missing(),
  );
  expect((await run.finish()).value?.main).toMatch(/\/stream1$/);
});

test('a rejected path after missing ones is a stream: the password is wrong, and the search stops', async () => {
  const run = trying((path) => (path === '/stream1' ? refused() : missing()));
  const { error } = await run.finish();
  expect(error).toMatchObject({ code: 'unauthorized', context: { camera: 'wrongPassword' } });
  expect(run.asked.at(-1)?.path).toBe('/stream1');
});

test('if only the first path was rejected and no other exists, the password is wrong', async () => {
  const run = trying((path) => (path.startsWith('/Streaming') ? refused() : missing()));
  expect((await run.finish()).error).toMatchObject({ context: { camera: 'wrongPassword' } });
});

test('a rejected low-resolution stream next to an existing high-resolution one counts as missing', async () => {
  const run = trying((path) => (path === '/stream1' ? undefined : path === '/stream2' ? refused() : missing()));
  expect((await run.finish()).value).toMatchObject({ sub: undefined });
});

test('without a login the first rejection asks for one', async () => {
  const run = trying(refused, { credentials: undefined });
  expect((await run.finish()).error).toMatchObject({ context: { camera: 'wrongPassword', isLoginMissing: true } });
  expect(run.asked.length).toBe(1);
});

test.for(['timeout', 'badInput'] as const)('after silence or another protocol (%s) the search stops', async (code) => {
  const run = trying(() => new PerchError(code, 'nothing'));
  expect((await run.finish()).error?.message).toMatch('does not answer in RTSP');
  expect(run.asked.length).toBe(2);
});

test('if none exists, the error has the number of tried paths and the next step', async () => {
  const run = trying(missing, { isClearAllowed: true });
  const { error } = await run.finish();
  expect(error?.message).toMatch(`none of the ${STREAM_PATTERNS.length} known stream addresses`);
  expect(run.asked.length).toBe(STREAM_PATTERNS.length);
});

test('a host without an RTSP port is not searched for streams', async () => {
  const run = trying(missing, { ports: [554, 88] });
  expect((await run.finish()).error).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('554, 88'),
  });
  expect(run.asked).toEqual([]);
});

test('given up, it asks nothing more', async () => {
  const run = trying(missing);
  await run.clock.advance(1_000);
  run.stop.abort();
  expect((await run.finish()).error?.message).toBe('cancelled');
  expect(run.asked.length).toBe(2);
});
