import { expect, onTestFinished, test, vi } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import type { SimulatedProfile } from '../../../test/onvif-camera/state.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { openSession } from '../device/onvif-session.ts';
import { cameraError } from '../soap/http/failures.ts';
import { LoginMemory } from '../soap/login/login-memory.ts';
import { MOVE_TIMEOUT_MS, OnvifPtz } from './onvif-ptz.ts';
import { SharedSession } from './shared-session.ts';

const LOGIN = { user: 'admin', password: 'secret' };

async function begin(quirks: Quirks = {}, profile?: string) {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ quirks, clock, credentials: LOGIN });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const logins = new LoginMemory(clock);
  const { signal } = new AbortController();
  /** `pass` runs before a session is opened. */
  const way = { pass: async (): Promise<void> => {} };
  const sessions = new SharedSession(async () => {
    await way.pass();
    return openSession({ url: camera.url, ...LOGIN, signal, clock, logins });
  });
  const ptz = new OnvifPtz({ sessions, profile, clock, log: silentLogger });
  onTestFinished(() => ptz.close());
  return { clock, camera, ptz, sessions, way };
}

const until = (check: () => void) => vi.waitFor(check, { interval: 5 });
const count = (camera: OnvifCamera, operation: string) => camera.operations.filter((one) => one === operation).length;
const lastMove = (camera: OnvifCamera) =>
  camera.requests.filter(({ operation }) => operation === 'ContinuousMove').at(-1)?.text ?? '';

test('a camera moves until it is stopped', async () => {
  const { camera, ptz, clock } = await begin();
  await ptz.move({ pan: 0.5, tilt: -0.25 });
  expect(camera.ptz.velocity).toEqual({ x: 0.5, y: -0.25, zoom: 0 });
  await clock.advance(500);
  await ptz.stop();
  expect(camera.ptz.moving).toBe(false);
  expect(camera.ptz.position.x).toBeCloseTo(0.05);
});

test('without renewals the camera is stopped', async () => {
  const { camera, ptz, clock } = await begin({ ignoresMoveTimeout: true });
  await ptz.move({ pan: 1 });
  await clock.advance(MOVE_TIMEOUT_MS - 100);
  expect(camera.ptz.moving).toBe(true);
  await clock.advance(100);
  await until(() => expect(camera.ptz.moving).toBe(false));
  expect(count(camera, 'Stop')).toBe(1);
});

test('a renewed move continues, and is resent at a limited rate', async () => {
  const { camera, ptz, clock } = await begin();
  for (let i = 0; i < 20; i += 1) {
    await ptz.move({ zoom: 0.3 });
    await clock.advance(250);
  }
  expect(camera.ptz.moving).toBe(true);
  expect(count(camera, 'Stop')).toBe(0);
  expect(count(camera, 'ContinuousMove')).toBe(5);
});

// The camera stops by itself if Perch's Stop is lost.
test('a move has its end with it', async () => {
  const { camera, ptz, clock } = await begin({ ignoresStop: true });
  await ptz.move({ pan: 1 });
  expect(lastMove(camera)).toContain('<tptz:Timeout>PT3S</tptz:Timeout>');
  await ptz.stop();
  await clock.advance(3_000);
  expect(camera.ptz.moving).toBe(false);
});

test('a camera that rejects Timeout is moved without it, until Stop', async () => {
  const { camera, ptz, clock } = await begin({ refusesMoveTimeout: true });
  await ptz.move({ pan: 1 });
  expect(camera.ptz.moving).toBe(true);
  await ptz.move({ pan: -1 });
  expect(count(camera, 'ContinuousMove')).toBe(3);
  await clock.advance(MOVE_TIMEOUT_MS);
  await until(() => expect(camera.ptz.moving).toBe(false));
});

test.for<[string, Quirks]>([
  ['has no zoom', { ptz: 'panTilt' }],
  ['refuses a zoom that is not asked for', { refusesZoom: true }],
])('a camera that %s is turned without naming it', async ([, quirks]) => {
  const { camera, ptz } = await begin(quirks);
  await ptz.move({ pan: 1, zoom: 0 });
  expect(lastMove(camera)).not.toContain('Zoom');
  expect(camera.ptz.velocity.x).toBe(1);
});

test('a released axis stops while the other continues', async () => {
  const { camera, ptz } = await begin();
  await ptz.move({ pan: 1, zoom: 1 });
  await ptz.move({ zoom: 1 });
  expect(camera.ptz.velocity).toEqual({ x: 0, y: 0, zoom: 1 });
});

test.for<[string, Quirks]>([
  ['is fixed', { ptz: 'none' }],
  ['has the service and no profile that turns', { ptz: 'serviceOnly' }],
])('a camera that %s says that it cannot be turned', async ([, quirks]) => {
  const { camera, ptz } = await begin(quirks);
  await expect(ptz.move({ pan: 1 })).rejects.toMatchObject({ context: { camera: 'notSupported' } });
  expect(count(camera, 'ContinuousMove')).toBe(0);
});

test('a missing zoom is rejected with a message, and nothing moves', async () => {
  const { camera, ptz } = await begin({ ptz: 'panTilt' });
  await expect(ptz.move({ zoom: 1 })).rejects.toThrow('the camera cannot zoom');
  expect(camera.ptz.moving).toBe(false);
  expect(await ptz.abilities()).toEqual({
    hasPanTilt: true,
    hasZoom: false,
    hasHome: true,
    mostPresets: 8,
    hasAbsolute: true,
    centering: 'exact',
  });
});

test('speeds are clamped to their limits; values that are not numbers are rejected', async () => {
  const { camera, ptz } = await begin();
  await ptz.move({ pan: 7, tilt: -7 });
  expect(camera.ptz.velocity).toMatchObject({ x: 1, y: -1 });
  await expect(ptz.move({ pan: Number.NaN })).rejects.toThrow('pan: NaN is not a number');
});

test('the newest of concurrent moves counts, and a stop after them is last', async () => {
  const { camera, ptz } = await begin();
  await ptz.abilities();
  const moves = Array.from({ length: 50 }, (_, i) => ptz.move({ pan: (i + 1) / 50 }));
  const stopped = ptz.stop();
  await Promise.all([...moves, stopped]);
  expect(camera.ptz.moving).toBe(false);
  expect(count(camera, 'ContinuousMove')).toBeLessThanOrEqual(2);
  expect(camera.operations.at(-1)).toBe('Stop');
});

test('a stop that does not get through is tried until it does', async () => {
  const { camera, ptz, clock } = await begin({ ignoresMoveTimeout: true });
  await ptz.move({ pan: 1 });
  await camera.stop({ isSilent: true });
  await clock.advance(MOVE_TIMEOUT_MS);
  await expect(ptz.stop()).rejects.toMatchObject({ context: { camera: 'unreachable' } });
  await camera.start();
  expect(camera.ptz.moving).toBe(true);
  await vi.waitFor(
    async () => {
      await clock.advance(500);
      expect(camera.ptz.moving).toBe(false);
    },
    { interval: 20 },
  );
});

test('a camera that is away for minutes while it moves is stopped when it is back', async () => {
  const { camera, ptz, clock, sessions, way } = await begin({ ignoresMoveTimeout: true });
  await ptz.move({ pan: 1 });
  let tries = 0;
  way.pass = () => {
    tries += 1;
    return Promise.reject(cameraError('unreachable', 'no answer'));
  };
  sessions.forget();
  for (let i = 0; i < 120; i += 1) {
    await clock.advance(1_000);
  }
  expect(tries).toBeGreaterThan(60);
  expect(camera.ptz.moving).toBe(true);
  way.pass = async () => {};
  await clock.advance(1_000);
  await until(() => expect(camera.ptz.moving).toBe(false));
});

test.for<[string, (ptz: OnvifPtz, clock: FakeClock) => Promise<unknown>]>([
  ['its client has been silent for too long', (_ptz, clock) => clock.advance(MOVE_TIMEOUT_MS)],
  ['the program ends', (ptz) => ptz.close()],
])('a move that has waited for the camera is not made when, meanwhile, %s', async ([, happen]) => {
  const { camera, ptz, clock, way } = await begin({ ignoresMoveTimeout: true });
  const gate = Promise.withResolvers<void>();
  way.pass = () => gate.promise;
  const moved = expect(ptz.move({ pan: 1 })).rejects.toThrow('took too long');
  await clock.advance(0);
  await happen(ptz, clock);
  gate.resolve();
  await moved;
  expect(count(camera, 'ContinuousMove')).toBe(0);
});

test('the end of the program stops moving cameras', async () => {
  const { camera, ptz } = await begin({ ignoresMoveTimeout: true });
  await ptz.move({ tilt: 1 });
  await ptz.close();
  expect(camera.ptz.moving).toBe(false);
  await expect(ptz.move({ tilt: 1 })).rejects.toThrow('control of the camera is closed');
});

test('presets are set, listed, gone to and removed; home is one too', async () => {
  const { camera, ptz, clock } = await begin();
  await ptz.move({ pan: 1 });
  await clock.advance(1_000);
  await ptz.stop();
  const { x } = camera.ptz.position;
  const token = await ptz.setPreset('Gate <left> & right');
  expect(await ptz.presets()).toEqual([{ token, name: 'Gate <left> & right' }]);
  await ptz.goHome();
  expect(camera.ptz.position.x).toBe(0);
  await ptz.goToPreset(token);
  expect(camera.ptz.position.x).toBe(x);
  expect(await ptz.setPreset('Gate', token)).toBe(token);
  await ptz.removePreset(token);
  expect(await ptz.presets()).toEqual([]);
  await expect(ptz.goToPreset('x'.repeat(100))).rejects.toThrow('preset of 100 characters, expected 1 to 64');
});

test.for<[string, Quirks, (ptz: OnvifPtz) => Promise<unknown>]>([
  ['presets', { presets: 'none' }, (ptz) => ptz.presets()],
  ['home', { hasNoHome: true }, (ptz) => ptz.goHome()],
])('a camera without %s says so', async ([, quirks, ask]) => {
  const { ptz } = await begin(quirks);
  await expect(ask(ptz)).rejects.toMatchObject({ context: { camera: 'notSupported' } });
});

test('a camera moves without a reported state', async () => {
  const { camera, ptz } = await begin({ status: 'missing' });
  await ptz.move({ pan: -1 });
  expect(camera.ptz.velocity.x).toBe(-1);
});

test('after a reboot with other profiles the camera is turned by the new one', async () => {
  const { camera, ptz, sessions } = await begin();
  await ptz.move({ pan: 1 });
  await ptz.stop();
  const { profiles } = camera.state;
  const renamed = profiles.map((profile) => ({ ...profile, token: `new-${profile.token}` }));
  (profiles as SimulatedProfile[]).splice(0, profiles.length, ...renamed);
  sessions.forget();
  await ptz.move({ pan: 1 });
  expect(lastMove(camera)).toContain('>new-main<');
  expect(camera.ptz.moving).toBe(true);
});

test('a missing profile is looked up again at the next move', async () => {
  const { camera, ptz } = await begin();
  await ptz.move({ pan: 1 });
  await ptz.stop();
  const { profiles } = camera.state;
  const renamed = profiles.map((profile) => ({ ...profile, token: `new-${profile.token}` }));
  (profiles as SimulatedProfile[]).splice(0, profiles.length, ...renamed);
  await expect(ptz.move({ pan: 1 })).rejects.toThrow('fault');
  await ptz.move({ pan: 1 });
  expect(camera.ptz.moving).toBe(true);
});

test('a stop in a new session precedes the lookups', async () => {
  const { camera, ptz, sessions } = await begin({ ignoresMoveTimeout: true });
  await ptz.move({ pan: 1 });
  const before = count(camera, 'GetProfiles');
  sessions.forget();
  await ptz.stop();
  expect([camera.ptz.moving, count(camera, 'GetProfiles')]).toEqual([false, before]);
});

test.for<[string, Quirks]>([
  ['Stop', { refusesOperations: ['Stop'] }],
  ['Stop and both axes in one move', { refusesOperations: ['Stop'], refusesBothAxes: true }],
  ['Stop and zoom', { refusesOperations: ['Stop'], refusesZoom: true }],
])(
  'a camera that refuses %s is stopped by a move of zero at once, and that comes first from then on',
  async ([, quirks]) => {
    const { camera, ptz } = await begin({ ...quirks, ignoresMoveTimeout: true });
    for (let i = 0; i < 3; i += 1) {
      await ptz.move({ pan: 1 });
      expect(camera.ptz.moving).toBe(true);
      await ptz.stop();
      expect(camera.ptz.moving).toBe(false);
    }
    expect(count(camera, 'Stop')).toBeLessThanOrEqual(2);
  },
);

test('a camera that refuses two axes in one move gets them one by one', async () => {
  const { camera, ptz } = await begin({ refusesBothAxes: true });
  await ptz.move({ pan: 1, zoom: 0.5 });
  // The second call of the simulated camera replaces the first velocity.
  expect(camera.ptz.moving).toBe(true);
  const before = count(camera, 'ContinuousMove');
  await ptz.move({ pan: -1, zoom: 0.5 });
  expect(count(camera, 'ContinuousMove') - before).toBe(2);
});

test.for<[string, readonly string[]]>([
  ['RelativeMove', ['ContinuousMove']],
  ['AbsoluteMove', ['ContinuousMove', 'RelativeMove']],
])('a camera without ContinuousMove is moved by steps: %s', async ([, refusesOperations]) => {
  const { camera, ptz, clock } = await begin({ refusesOperations });
  await ptz.move({ pan: 1, tilt: -0.5 });
  expect(camera.ptz.position).toEqual({ x: 0.2, y: -0.1, zoom: 0 });
  const before = count(camera, 'ContinuousMove');
  await clock.advance(1_000);
  await ptz.move({ pan: 1, tilt: -0.5 });
  expect(camera.ptz.position).toEqual({ x: 0.4, y: -0.2, zoom: 0 });
  expect(count(camera, 'ContinuousMove')).toBe(before);
});

test.for<[string, Quirks]>([
  ['a token', { wantsPresetToken: true }],
  ['a token and no name', { wantsPresetToken: true, refusesPresetName: true }],
  ['no name', { refusesPresetName: true }],
  ['a speed to go there', { wantsPresetSpeed: true }],
  ['its position, because it does not go to presets', { refusesOperations: ['GotoPreset'] }],
])('a camera whose presets need %s', async ([, quirks]) => {
  const { camera, ptz, clock } = await begin(quirks);
  await ptz.move({ pan: 1 });
  await clock.advance(1_000);
  await ptz.stop();
  const { x } = camera.ptz.position;
  const token = await ptz.setPreset('Gate');
  await ptz.goHome();
  expect(camera.ptz.position.x).toBe(0);
  await ptz.goToPreset(token);
  expect(camera.ptz.position.x).toBeCloseTo(x);
});

test.for(['Home', '1'])('a camera without a home position goes to its preset %s', async (name) => {
  const { camera, ptz, clock } = await begin({ hasNoHome: true });
  const token = await ptz.setPreset(name);
  await ptz.move({ pan: 1 });
  await clock.advance(1_000);
  await ptz.stop();
  await ptz.goHome();
  expect(camera.ptz.position.x).toBe(0);
  await ptz.goHome();
  expect(count(camera, 'GotoHomePosition')).toBe(1);
  await ptz.removePreset(token);
});

test('a call that takes long does not delay a stop', async () => {
  const { camera, ptz, sessions } = await begin({ ignoresMoveTimeout: true });
  await ptz.move({ pan: 1 });
  const gate = Promise.withResolvers<void>();
  const session = await sessions.use(async (opened) => opened);
  const call = session.call.bind(session);
  vi.spyOn(session, 'call').mockImplementation(async (...asked) => {
    if (asked[2] === 'SetPresetResponse') {
      await gate.promise;
    }
    return call(...asked);
  });
  const saved = ptz.setPreset('Gate');
  const stopped = ptz.stop();
  await until(() => expect(camera.ptz.moving).toBe(false));
  gate.resolve();
  await Promise.all([saved, stopped]);
  expect(camera.operations.at(-1)).toBe('Stop');
});
