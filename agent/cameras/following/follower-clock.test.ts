import { expect, test, vi } from 'vitest';
import type { OnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { entryOf, openFollowing } from '../../../test/support/harness/following-harness.ts';
import { openSession } from '../../onvif/device/onvif-session.ts';
import { LoginMemory } from '../../onvif/soap/login/login-memory.ts';

const HOUR_MS = 3_600_000;
const seen = (assert: () => unknown) => vi.waitFor(assert, { timeout: 8_000, interval: 20 });
const tokens = ({ requests }: OnvifCamera): number => requests.filter(({ hasToken }) => hasToken).length;

/** The same login memory for the follower and for what has been said to a camera before. */
async function openWithLogins() {
  const logins = new LoginMemory(new FakeClock());
  const box = await openFollowing({ logins });
  /** As events and descriptions do it while a camera is where it should be. */
  const talk = async ({ url }: OnvifCamera) => {
    const login = { user: 'admin', password: 'secret' };
    const { signal } = new AbortController();
    await (await openSession({ url, ...login, signal, clock: box.clock, logins })).information();
  };
  return { ...box, talk };
}

test('a camera with HTTP Digest is followed with any clock', async () => {
  const box = await openWithLogins();
  const quirks = { login: 'digest', clockOffsetMs: -9 * HOUR_MS } as const;
  const camera = await box.camera({ address: '127.0.46.2', quirks });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await camera.moveTo('127.0.46.3');
  follower.failed('door');
  await box.clock.advance(2_000);
  await seen(() => expect(box.published).toMatchObject([{ state: 'moved', to: '127.0.46.3' }]));
});

test('a camera whose clock is as far off as it was when it took a token is followed', async () => {
  const box = await openWithLogins();
  const quirks = { login: 'token', clockOffsetMs: -9 * HOUR_MS } as const;
  const camera = await box.camera({ address: '127.0.46.4', quirks });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await box.talk(camera);
  // Clocks drift.
  camera.state.clockOffsetMs += 5 * 60_000;
  await camera.moveTo('127.0.46.5');
  follower.failed('door');
  await box.clock.advance(2_000);
  await seen(() => expect(box.published).toMatchObject([{ state: 'moved', to: '127.0.46.5' }]));
  expect(follower.mismatchOf('door')).toBeUndefined();
});

test('a camera whose clock was set before it moved is followed at once', async () => {
  const box = await openWithLogins();
  const quirks = { login: 'token', clockOffsetMs: -9 * HOUR_MS } as const;
  const camera = await box.camera({ address: '127.0.46.6', quirks });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await box.talk(camera);
  camera.state.clockOffsetMs = 0;
  await camera.moveTo('127.0.46.7');
  follower.failed('door');
  await box.clock.advance(2_000);
  await seen(() => expect(box.published).toMatchObject([{ state: 'moved', to: '127.0.46.7' }]));
});

test('a camera that requires a token for a clock it never had gets none, reports the reason, and is followed within half a minute of a correct clock', async () => {
  const box = await openWithLogins();
  const camera = await box.camera({ address: '127.0.46.8', quirks: { login: 'token', clockOffsetMs: 2 * HOUR_MS } });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await box.talk(camera);
  const shown = tokens(camera);
  camera.state.clockOffsetMs = Date.UTC(2000, 0, 1) - box.clock.wallMs();
  await camera.moveTo('127.0.46.9');
  follower.failed('door');
  await box.clock.advance(2_000);
  await seen(() => expect(box.published).toHaveLength(1));
  expect(box.published).toMatchObject([
    { state: 'elsewhere', to: '127.0.46.9', reason: expect.stringContaining('clock') },
  ]);
  expect(follower.mismatchOf('door')).toMatchObject({ address: '127.0.46.9', trouble: 'clock' });
  const asked = camera.requests.length;
  // Long enough for checks to be minutes apart.
  for (let i = 0; i < 20; i += 1) {
    await box.clock.advance(30_000);
    await seen(() => expect(follower.mismatchOf('door')?.trouble).toBe('clock'));
  }
  await seen(() => expect(camera.requests.length).toBeGreaterThan(asked));
  expect([box.published.length, tokens(camera)]).toEqual([1, shown]);
  camera.state.clockOffsetMs = 0;
  await seen(async () => {
    await box.clock.advance(1_000);
    expect(box.published).toHaveLength(2);
  });
  expect(box.published[1]).toMatchObject({ state: 'moved', to: '127.0.46.9' });
  expect(follower.mismatchOf('door')).toBeUndefined();
});

test('a device with a false clock gets no token for a time of its choice, not even as the second device', async () => {
  const box = await openWithLogins();
  const camera = await box.camera({ address: '127.0.46.10', quirks: { login: 'token', clockOffsetMs: -9 * HOUR_MS } });
  const { endpoint } = camera;
  const liar = await box.camera({
    ...{ address: '127.0.46.11', endpoint, identity: { serial: 'Z9' } },
    quirks: { login: 'token', tokenWindowMs: -1, saysTimeCheckFailed: true },
  });
  const chosenMs = (): number => (tokens(liar) > 0 ? 24 * HOUR_MS : -9 * HOUR_MS);
  Object.defineProperty(liar.state, 'clockOffsetMs', { get: chosenMs });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await box.talk(camera);
  await camera.stop();
  box.found.here.splice(0, 1);
  follower.failed('door');
  await box.clock.advance(2_000);
  await seen(() => expect(box.published).toMatchObject([{ state: 'elsewhere' }]));
  for (let i = 0; i < 10; i += 1) {
    await box.clock.advance(30_000);
  }
  await follower.close();
  expect(tokens(liar)).toBe(1);
});
