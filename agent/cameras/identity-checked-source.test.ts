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
  return { clock, calls, source, run, stop, asked: () => asked };
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
