import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { ScriptedSource } from '../../test/support/cameras/scripted-source.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { PerchError } from '../base/errors.ts';
import type { Loudspeaker, SourceStatistics } from '../stream/contracts.ts';
import { Stream } from '../stream/stream.ts';
import { OTHER_CAMERA, type Verdict } from './following/identity.ts';
import { IdentityCheckedSource } from './identity-checked-source.ts';

function setUp(verdicts: readonly (Verdict | Promise<Verdict>)[]) {
  const clock = new FakeClock();
  const calls: string[] = [];
  const source = Object.assign(new ScriptedSource(), {
    answers: async () => true,
    statistics: {} as SourceStatistics,
    loudspeaker: {} as Loudspeaker,
    heldMs: 0,
  });
  let asked = 0;
  const watch = {
    check: async () => (await verdicts[asked++]) ?? 'unknown',
    failed: (path: string, isOther = false) => calls.push(`${path} failed${isOther ? ', another camera' : ''}`),
    connected: (path: string) => calls.push(`${path} connected`),
  };
  const stop = new AbortController();
  const followed = new IdentityCheckedSource(source, 'door', watch, clock);
  const run = (): Promise<unknown> =>
    followed
      .run({ publish: (tracks) => new Stream(tracks, { isOnDemand: false }) }, stop.signal)
      .catch((error: unknown) => error);
  return { clock, calls, source, followed, run, stop, asked: () => asked };
}

async function failOnce(clock: FakeClock, source: ScriptedSource, run: () => Promise<unknown>) {
  const first = run();
  await clock.advance(0);
  source.fail(new PerchError('timeout', 'nothing came'));
  await first;
  const ran = run();
  await clock.advance(0);
  return { ran };
}

test('nothing is pulled from another camera at the address', async () => {
  const { source, run, calls } = setUp(['other']);
  expect(await run()).toMatchObject({ code: 'unavailable', message: OTHER_CAMERA, context: { camera: 'otherCamera' } });
  expect(source.runs).toBe(0);
  expect(calls).toEqual(['door failed, another camera']);
});

test('a known camera is checked once for each connection', async () => {
  const { clock, source, run, stop, calls, asked } = setUp(['same']);
  const ran = run();
  await clock.advance(0);
  source.deliver([tinyH264]);
  await clock.advance(600_000);
  stop.abort();
  await ran;
  expect(asked()).toBe(1);
  expect(calls).toEqual(['door connected']);
});

test('a camera that streams before ONVIF answers is accepted, checked again, and disconnected if it is another one', async () => {
  const { clock, source, run, calls } = setUp(['unknown', 'unknown', 'other']);
  const ran = run();
  await clock.advance(0);
  source.deliver([tinyH264]);
  await clock.advance(19_000);
  expect(source.isRunning).toBe(true);
  await clock.advance(1_000);
  expect(await ran).toMatchObject({ message: OTHER_CAMERA });
  expect(source.isRunning).toBe(false);
  expect(calls).toEqual(['door connected', 'door failed, another camera']);
});

test('a camera that never identifies itself is not asked forever, and one that hangs delays the stream by at most two seconds', async () => {
  const { clock, source, run, stop, asked } = setUp([new Promise<Verdict>(() => {})]);
  const ran = run();
  await clock.advance(1_999);
  expect(source.runs).toBe(0);
  await clock.advance(1);
  expect(source.isRunning).toBe(true);
  await clock.advance(3_600_000);
  expect(asked()).toBe(4);
  stop.abort();
  await ran;
});

test('a stop does not wait for the check, and is not a failure', async () => {
  const { clock, source, run, stop, calls } = setUp([new Promise<Verdict>(() => {})]);
  const ran = run();
  await clock.advance(10);
  stop.abort();
  expect(await ran).toBeUndefined();
  expect(source.runs).toBe(0);
  expect(calls).toEqual([]);
});

test('a broken connection is reported, with its own reason for the path', async () => {
  const { clock, source, run, calls } = setUp(['same']);
  const ran = run();
  await clock.advance(0);
  source.fail(new PerchError('timeout', 'nothing came'));
  expect(await ran).toMatchObject({ message: 'nothing came' });
  expect(calls).toEqual(['door failed']);
});

test('after a failure and ten seconds without an answer, the login waits until the device has identified itself', async () => {
  // Packets went to a device that has left the address: what answers for the stream answers for ONVIF, too.
  const { clock, source, followed, run, calls } = setUp(['same', ...Array<Verdict>(12).fill('silent'), 'other']);
  const { ran } = await failOnce(clock, source, run);
  await clock.advance(10_000);
  expect(source.isRunning).toBe(true);
  const login = followed.beforeLogin(new AbortController().signal).catch((error: unknown) => error);
  await clock.advance(3_000);
  const refused = await login;
  expect(refused).toMatchObject({ message: OTHER_CAMERA });
  source.fail(refused as Error);
  expect(await ran).toMatchObject({ message: OTHER_CAMERA });
  expect(calls).toEqual(['door failed', 'door failed, another camera']);
});

test('a camera whose ONVIF stays silent gets its login once for each connection five seconds later, one that is known at once', async () => {
  const { clock, source, followed, run, stop, asked } = setUp(['same', ...Array<Verdict>(100).fill('silent')]);
  const first = run();
  await clock.advance(0);
  await followed.beforeLogin(new AbortController().signal);
  expect(asked()).toBe(1);
  source.fail(new PerchError('timeout', 'nothing came'));
  await first;
  const ran = run();
  await clock.advance(10_000);
  let isSent = false;
  const login = followed.beforeLogin(new AbortController().signal).then(() => {
    isSent = true;
  });
  await clock.advance(4_999);
  expect(isSent).toBe(false);
  await clock.advance(1);
  await login;
  await followed.beforeLogin(new AbortController().signal);
  stop.abort();
  await ran;
});

const login = (followed: IdentityCheckedSource, signal = new AbortController().signal): Promise<string> =>
  followed.beforeLogin(signal).then(
    () => 'sent',
    (error: Error) => error.message,
  );

test('talk waits for the same answer as the stream, and is refused with it; so is the next one', async () => {
  const verdicts: readonly Verdict[] = ['same', ...Array<Verdict>(12).fill('silent'), 'other', 'other'];
  const { clock, source, followed, run, stop, asked } = setUp(verdicts);
  const { ran } = await failOnce(clock, source, run);
  await clock.advance(10_000);
  const both = Promise.all([login(followed), login(followed)]);
  await clock.advance(3_000);
  expect(await both).toEqual([OTHER_CAMERA, OTHER_CAMERA]);
  expect(asked()).toBe(14);
  expect(await login(followed)).toBe(OTHER_CAMERA);
  stop.abort();
  await ran;
});

test('after a refusal at the first check no talk gets the login, not even the second', async () => {
  const { followed, run } = setUp(['other', 'other', 'other']);
  await run();
  expect([await login(followed), await login(followed)]).toEqual([OTHER_CAMERA, OTHER_CAMERA]);
});

test('after another camera was found there, a silent device is waited for as after a failure', async () => {
  const { clock, source, run, stop } = setUp(['other', ...Array<Verdict>(30).fill('silent')]);
  await run();
  const ran = run();
  await clock.advance(9_999);
  expect(source.runs).toBe(0);
  await clock.advance(1);
  expect(source.runs).toBe(1);
  stop.abort();
  await ran;
});

test('between a failure and the next connection talk waits for an answer, too', async () => {
  const { clock, source, followed, run } = setUp(['same', 'other']);
  const first = run();
  await clock.advance(0);
  source.fail(new PerchError('timeout', 'nothing came'));
  await first;
  expect(await login(followed)).toBe(OTHER_CAMERA);
});

test('a wait that is canceled settles nothing: the next login waits for its own answer', async () => {
  const { clock, source, followed, run, stop } = setUp(['same', ...Array<Verdict>(16).fill('silent'), 'other']);
  const { ran } = await failOnce(clock, source, run);
  await clock.advance(10_000);
  const canceled = new AbortController();
  const both = Promise.all([login(followed, canceled.signal), login(followed)]);
  await clock.advance(1_000);
  canceled.abort();
  await clock.advance(5_000);
  expect((await both)[1]).toBe(OTHER_CAMERA);
  stop.abort();
  await ran;
});

test('a source whose first request carries the login has to reach the device before that is asked', async () => {
  const { clock, source, followed, run, stop, asked } = setUp(['same', ...Array<Verdict>(12).fill('silent'), 'other']);
  const { ran } = await failOnce(clock, source, run);
  await clock.advance(10_000);
  const before = asked();
  const { signal } = new AbortController();
  const unreachable = new PerchError('unavailable', 'nothing answers');
  await expect(followed.beforeLogin(signal, () => Promise.reject(unreachable))).rejects.toBe(unreachable);
  expect(asked()).toBe(before);
  const reached = followed.beforeLogin(signal, async () => {}).catch((error: Error) => error.message);
  await clock.advance(3_000);
  expect(await reached).toBe(OTHER_CAMERA);
  stop.abort();
  await ran;
});

test('after a failure nothing is pulled before the camera has identified itself', async () => {
  const { clock, source, run } = setUp(['same', 'silent', 'silent', 'other']);
  const { ran } = await failOnce(clock, source, run);
  await clock.advance(1_999);
  expect(source.runs).toBe(1);
  await clock.advance(1);
  expect(await ran).toMatchObject({ message: OTHER_CAMERA });
  expect(source.runs).toBe(1);
});

test.for([
  ['hangs', new Promise<Verdict>(() => {})],
  ['is off', 'silent'],
] as const)('a camera whose ONVIF %s after a failure is pulled after ten seconds', async ([, verdict]) => {
  const { clock, source, run, stop } = setUp(['same', ...Array<Verdict | Promise<Verdict>>(20).fill(verdict)]);
  const { ran } = await failOnce(clock, source, run);
  await clock.advance(9_999);
  expect(source.runs).toBe(1);
  await clock.advance(1);
  expect(source.runs).toBe(2);
  stop.abort();
  await ran;
});
