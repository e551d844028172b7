import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { OPTICS } from '../../../test/onvif-camera/ptz-head.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { openSession } from '../device/onvif-session.ts';
import { LoginMemory } from '../soap/login/login-memory.ts';
import { readXml } from '../soap/xml/xml.ts';
import { OnvifPtz } from './onvif-ptz.ts';
import { centeredPosition, readPosition, readSpaces, writePosition } from './ptz-spaces.ts';
import { SharedSession } from './shared-session.ts';

async function begin(quirks: Quirks = {}) {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ quirks, clock });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const { signal } = new AbortController();
  const logins = new LoginMemory(clock);
  const sessions = new SharedSession(() => openSession({ url: camera.url, signal, clock, logins }));
  const ptz = new OnvifPtz({ sessions, profile: undefined, clock, log: silentLogger });
  onTestFinished(() => ptz.close());
  const at = (x: number, y: number, zoom: number) => camera.ptz.goTo({ x, y, zoom });
  return { camera, ptz, at, clock };
}

const NOWHERE = { pan: null, tilt: null, zoom: null };
const count = (operations: readonly string[], operation: string) =>
  operations.filter((one) => one === operation).length;

test.for<[string, Quirks]>([
  ['in generic spaces', {}],
  ['in degrees alone', { spaces: ['degrees'] }],
  ['in both', { spaces: ['degrees', 'absolute'] }],
  ['in spaces that the options of the configuration list', { hasSpacesInOptions: true }],
  ['in degrees that the options of the configuration list', { hasSpacesInOptions: true, spaces: ['degrees'] }],
  ['without names of spaces', { refusesSpaceNames: true }],
  ['with a speed', { wantsMoveSpeed: true }],
  ['axis by axis', { refusesBothAxes: true }],
])('a camera tells its position and moves to one: %s', async ([, quirks]) => {
  const { camera, ptz } = await begin(quirks);
  expect(await ptz.abilities()).toMatchObject({ hasAbsolute: true });
  await ptz.moveTo({ pan: -0.5, tilt: 0.25, zoom: 0.75 });
  expect(camera.ptz.position).toEqual({ x: -0.5, y: 0.25, zoom: 0.75 });
  expect(await ptz.position()).toEqual({ pan: -0.5, tilt: 0.25, zoom: 0.75 });
  const before = count(camera.operations, 'AbsoluteMove');
  await ptz.moveTo({ pan: 1, tilt: -1, zoom: 0 });
  expect(camera.ptz.position).toEqual({ x: 1, y: -1, zoom: 0 });
  // The way that worked is first from then on.
  expect(count(camera.operations, 'AbsoluteMove') - before).toBe(quirks.refusesBothAxes ? 2 : 1);
});

test('axes that are not asked for stay', async () => {
  const { camera, ptz, at } = await begin();
  at(0.5, -0.5, 0.25);
  await ptz.moveTo({ zoom: 1 });
  expect(camera.ptz.position).toEqual({ x: 0.5, y: -0.5, zoom: 1 });
  await ptz.moveTo({ tilt: 0 });
  expect(camera.ptz.position).toEqual({ x: 0.5, y: 0, zoom: 1 });
});

test('a camera without zoom reports none', async () => {
  const { ptz } = await begin({ ptz: 'panTilt' });
  expect(await ptz.position()).toEqual({ pan: 0, tilt: 0, zoom: null });
});

test.for<[string, Quirks]>([
  ['has no status', { status: 'missing', spaces: ['absolute'] }],
  ['has a status without a position', { status: 'hollow', spaces: ['absolute'] }],
])('a camera that %s says so, moves to a whole position, and cannot be centred', async ([, quirks]) => {
  const { camera, ptz } = await begin(quirks);
  await expect(ptz.position()).rejects.toMatchObject({ context: { camera: 'notSupported' } });
  expect(await ptz.abilities()).toMatchObject({ hasAbsolute: true, centering: undefined });
  await ptz.moveTo({ pan: 0.5, tilt: 0.5 });
  expect(camera.ptz.position).toMatchObject({ x: 0.5, y: 0.5 });
  await expect(ptz.moveTo({ pan: 0.5 })).rejects.toMatchObject({ context: { camera: 'notSupported' } });
  await expect(ptz.center(1, 1)).rejects.toMatchObject({ context: { camera: 'notSupported' } });
});

test('a camera with velocities alone does not move to positions and cannot be centred', async () => {
  const { ptz } = await begin({ spaces: [] });
  expect(await ptz.abilities()).toMatchObject({ hasAbsolute: false, centering: undefined });
  await expect(ptz.center(0.2, 0.2)).rejects.toThrow('cannot be centred');
});

test('values beyond their limits are clamped; what is no number is rejected', async () => {
  const { camera, ptz } = await begin();
  await ptz.moveTo({ pan: 7, tilt: -7, zoom: -1 });
  expect(camera.ptz.position).toEqual({ x: 1, y: -1, zoom: 0 });
  await expect(ptz.moveTo({ zoom: Number.NaN })).rejects.toThrow('zoom: NaN is not a number');
  await expect(ptz.moveTo({})).rejects.toThrow('without pan, tilt and zoom');
});

/** Where a point of the picture is after a movement, in shares of the picture's width and height from its centre. */
function missedBy(from: { x: number; y: number; zoom: number }, to: { x: number; y: number }, x: number, y: number) {
  const half = (degrees: number) => Math.tan((degrees / 2) * (Math.PI / 180)) / (1 + from.zoom * (OPTICS.fullZoom - 1));
  const seen = (turned: number, range: number, degrees: number) =>
    Math.tan(((turned * range) / 2) * (Math.PI / 180)) / half(degrees) / 2;
  return [
    x - 0.5 - seen(to.x - from.x, OPTICS.panDegrees, OPTICS.horizontalDegrees),
    0.5 - y - seen(to.y - from.y, OPTICS.tiltDegrees, OPTICS.verticalDegrees),
  ].map(Math.abs);
}

test.for<[string, Quirks]>([
  ['as shares of the picture', {}],
  ['as percent', { fieldOfViewRange: 100 }],
  ['in a range without ends', { fieldOfViewRange: 'infinite' }],
  ['in the options of the configuration', { hasSpacesInOptions: true }],
  ['with a speed', { wantsMoveSpeed: true }],
])('a camera with a field of view has the point in its centre: %s', async ([, quirks]) => {
  const { camera, ptz, at } = await begin(quirks);
  expect(await ptz.abilities()).toMatchObject({ centering: 'exact' });
  for (const zoom of [0, 0.5, 1]) {
    for (const [x, y] of [
      [0.9, 0.1],
      [0, 1],
      [0.5, 0.5],
    ] as const) {
      at(0.1, -0.2, zoom);
      await ptz.center(x, y);
      const missed = missedBy({ x: 0.1, y: -0.2, zoom }, camera.ptz.position, x, y);
      expect(Math.max(...missed), `${x} ${y} at ${zoom}`).toBeLessThan(0.01);
    }
  }
});

test.for<[string, Quirks]>([
  ['in generic spaces', { spaces: ['absolute'] }],
  ['in degrees', { spaces: ['degrees'] }],
  ['and refuses the field of view that it lists', { refusesOperations: ['RelativeMove'] }],
])('a camera that reports its position %s comes near the point: by an estimate', async ([, quirks]) => {
  const { camera, ptz, at } = await begin(quirks);
  expect((await ptz.abilities()).centering).toBe('refusesOperations' in quirks ? 'exact' : 'estimated');
  for (const zoom of [0, 0.3, 1]) {
    for (const [x, y] of [
      [0.9, 0.2],
      [0.1, 0.8],
      [0.6, 0.5],
    ] as const) {
      at(0, 0, zoom);
      await ptz.center(x, y);
      const [missedX = 1, missedY = 1] = missedBy({ x: 0, y: 0, zoom }, camera.ptz.position, x, y);
      // The simulated camera has other optics than those assumed; each click leaves less than half of the way.
      expect(missedX, `${x} ${y} at ${zoom}`).toBeLessThan(Math.abs(x - 0.5) / 2);
      expect(missedY, `${x} ${y} at ${zoom}`).toBeLessThanOrEqual(Math.abs(y - 0.5) / 2);
      expect(camera.ptz.position.zoom).toBe(zoom);
    }
  }
});

test('the position ends at the limit of the camera, not beyond', async () => {
  const { camera, ptz, at } = await begin({ spaces: ['absolute'] });
  at(0.99, -0.99, 0);
  await ptz.center(1, 1);
  expect(camera.ptz.position).toEqual({ x: 1, y: -1, zoom: 0 });
});

test('a camera that states a full circle is centred across the ends of its range, others up to the end', () => {
  const uri = 'http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees';
  const panFrom = (pan: number, x: number, degrees?: number) => {
    const space = { uri, x: { min: -(degrees ?? 0) / 2, max: (degrees ?? 0) / 2 }, y: { min: -90, max: 0 } };
    const spaces = { panTilt: degrees === undefined ? [] : [space], zoom: [], fieldOfView: undefined };
    return centeredPosition({ pan, tilt: 0, zoom: 0 }, spaces, x, 0.5, 0.5625).pan ?? Number.NaN;
  };
  // Half of the picture is 30 degrees.
  expect(panFrom(1, 1, 360)).toBeCloseTo(-1 + 30 / 180);
  expect(panFrom(-1, 0, 360)).toBeCloseTo(1 - 30 / 180);
  expect(panFrom(1, 1, 720)).toBeCloseTo(30 / 360);
  expect(panFrom(0.5, 1, 360)).toBeCloseTo(0.5 + 30 / 180);
  expect([panFrom(1, 1, 355), panFrom(-1, 0), panFrom(1, 1)]).toEqual([1, -1, 1]);
});

test('a movement to a position ends one that goes on', async () => {
  const { camera, ptz, clock } = await begin({ ignoresMoveTimeout: true });
  await ptz.move({ pan: 1 });
  await ptz.moveTo({ pan: 0, tilt: 0 });
  expect(camera.ptz.moving).toBe(false);
  await clock.advance(10_000);
  expect(camera.ptz.position.x).toBe(0);
});

test('any spaces and positions of a camera are read as numbers within the generic spaces, or as none', () => {
  const next = random(7);
  const range = (axis: string, min: string, max: string) =>
    `<${axis}Range><Min>${min}</Min><Max>${max}</Max></${axis}Range>`;
  const text = Buffer.from(
    '<a><s><AbsolutePanTiltPositionSpace><URI>u/PositionGenericSpace</URI>' +
      `${range('X', '-1', '1')}${range('Y', '-90', '1e9')}</AbsolutePanTiltPositionSpace><AbsoluteZoomPositionSpace>` +
      `<URI>z</URI>${range('X', '0', '0')}</AbsoluteZoomPositionSpace></s><p><PanTilt x="0.5" y="-INF" space="u"/><Zoom x="0.2"/></p></a>`,
  );
  let read = 0;
  for (let i = 0; i < 3_000; i += 1) {
    try {
      const [spaces, place] = readXml(mutate(text, next), 10_000).children as never[];
      const known = readSpaces(spaces);
      const position = readPosition(place, known) ?? NOWHERE;
      read += 1;
      for (const [axis, value] of Object.entries(position)) {
        expect(value === null || (value >= (axis === 'zoom' ? 0 : -1) && value <= 1), `${axis} ${value}`).toBe(true);
      }
      expect(writePosition(position, known, true)).not.toMatch(/NaN|Infinity/);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(read).toBeGreaterThan(100);
});
