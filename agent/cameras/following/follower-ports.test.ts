import { expect, test, vi } from 'vitest';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { entryOf, openFollowing } from '../../../test/support/harness/following-harness.ts';
import { systemClock } from '../../base/clock.ts';

const seen = (assert: () => unknown) => vi.waitFor(assert);

test('a camera with new ports at its old address is followed', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.46.2' });
  const small = entryOf('door_sub', camera).replace('/main', '/sub');
  const follower = await box.follow(`# mine\npaths:${entryOf('door', camera)}${small}`);
  const before = box.written();
  const [onvif, rtsp] = [`${camera.port}`, `${camera.rtspPort}`];
  await camera.stop();
  camera.state.httpPort = 0;
  camera.state.rtspPort = 0;
  await camera.start();
  expect([`${camera.port}`, `${camera.rtspPort}`]).not.toEqual([onvif, rtsp]);
  follower.failed('door');
  follower.failed('door_sub');
  await box.clock.advance(2_000);
  await seen(() => expect(box.published).toHaveLength(2));
  const ports = { from: `127.0.46.2:${onvif}`, to: `127.0.46.2:${camera.port}` };
  expect(box.published).toEqual(
    ['door', 'door_sub'].map((path) => ({ type: 'camera', state: 'moved', path, ...ports })),
  );
  expect(box.written()).toBe(
    before.replaceAll(`:${onvif}/`, `:${camera.port}/`).replaceAll(`:${rtsp}/`, `:${camera.rtspPort}/`),
  );
  expect(await follower.check('door')).toBe('same');
});

test('a camera with another port of its service alone keeps the port of its streams, which still answers', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.46.5' });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  const before = box.written();
  const onvif = camera.port;
  await camera.stop();
  camera.state.httpPort = 0;
  await camera.start();
  follower.failed('door');
  await box.clock.advance(2_000);
  await seen(() => expect(box.published).toMatchObject([{ state: 'moved' }]));
  expect(box.written()).toBe(before.replaceAll(`:${onvif}/`, `:${camera.port}/`));
  expect(camera.operations).not.toContain('GetStreamUri');
});

test('a slow camera that still answers is not given up for another port of its host', async () => {
  const box = await openFollowing();
  const quirks: Quirks = { takesMs: 1_700 };
  const camera = await box.camera({ address: '127.0.46.4', clock: systemClock, quirks });
  const { endpoint } = camera;
  const identity = { serial: camera.state.identity.serial };
  const second = await box.camera({ address: '127.0.46.4', endpoint, identity });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  const before = box.written();
  follower.failed('door');
  box.found.hello(second);
  // The first check is for devices that answer at once.
  await seen(() => expect(camera.operations).toEqual(['GetSystemDateAndTime', 'GetSystemDateAndTime']));
  camera.state.quirks.takesMs = 0;
  await seen(() => expect(camera.operations).toContain('GetEndpointReference'));
  await box.clock.advance(5_000);
  await follower.close();
  expect(second.operations).toEqual([]);
  expect(box.written()).toBe(before);
});

test.for([
  ['still answers', {}, {}],
  ['is another camera with the same endpoint at another port', { serial: 'OTHER-SERIAL' }, { isOff: true }],
  ['has a serial number of a whole series', { serial: '12345' }, { isOff: true, isSeries: true }],
] as const)(
  'at its old address with another port, a camera is not followed if it %s',
  async ([, identity, { isOff = false, isSeries = false }]: readonly [
    string,
    { readonly serial?: string },
    { readonly isOff?: boolean; readonly isSeries?: boolean },
  ]) => {
    const box = await openFollowing();
    const camera = await box.camera({ address: '127.0.46.3', ...(isSeries ? { identity } : {}) });
    const { serial } = camera.state.identity;
    const second = await box.camera({
      ...{ address: '127.0.46.3', endpoint: camera.endpoint, identity: { serial, ...identity } },
    });
    const follower = await box.follow(`paths:${entryOf('door', camera)}`);
    const before = box.written();
    if (isOff) {
      await camera.stop();
      box.found.here.splice(0, 1);
    }
    follower.failed('door');
    box.found.hello(second);
    await seen(async () => {
      await box.clock.advance(1_000);
      expect(isOff || camera.operations.includes('GetEndpointReference')).toBe(true);
      expect(!isOff || isSeries || box.published.length > 0).toBe(true);
    });
    await box.clock.advance(120_000);
    await follower.close();
    expect(box.published).toMatchObject(
      isOff && !isSeries ? [{ state: 'elsewhere', to: `127.0.46.3:${second.port}` }] : [],
    );
    expect(box.written()).toBe(before);
  },
);
