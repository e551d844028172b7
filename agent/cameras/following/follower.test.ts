import { expect, test, vi } from 'vitest';
import type { OnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { entryOf, openFollowing } from '../../../test/support/harness/following-harness.ts';

const WAIT = { timeout: 8_000, interval: 20 };
const seen = (assert: () => unknown) => vi.waitFor(assert, WAIT);

/** Its clock is the test's. */
async function restart(box: Awaited<ReturnType<typeof openFollowing>>, camera: OnvifCamera): Promise<void> {
  let isBack = false;
  const going = camera.reboot().then(() => {
    isBack = true;
  });
  await seen(async () => {
    await box.clock.advance(0);
    expect(isBack).toBe(true);
  });
  await going;
}

test('a camera with a new address is followed: its service and stream addresses change, everything else in the file stays', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.41.2' });
  const small = entryOf('door_sub', camera).replace('/main', '/sub');
  const follower = await box.follow(`# mine\npaths:${entryOf('door', camera)}${small}`);
  const before = box.written();
  await camera.moveTo('127.0.41.9');
  follower.failed('door');
  follower.failed('door_sub');
  await box.clock.advance(2_000);
  expect(box.found.scans).toBe(1);
  await seen(() => expect(box.published).toHaveLength(2));
  expect(box.written()).toBe(before.replaceAll('127.0.41.2', '127.0.41.9'));
  const moved = { type: 'camera', state: 'moved', from: '127.0.41.2', to: '127.0.41.9' };
  expect(box.published).toEqual([
    { ...moved, path: 'door' },
    { ...moved, path: 'door_sub' },
  ]);
});

test('an internal error is logged, and does not count against the camera or end the caller', async () => {
  const { log, logged } = keepLogLines();
  const box = await openFollowing({ log });
  box.found.find = () => {
    throw new TypeError('a bug');
  };
  const camera = await box.camera({ address: '127.0.41.21' });
  const another = entryOf('door', camera).replace(camera.endpoint, 'urn:uuid:another');
  const follower = await box.follow(`paths:${another}`);
  expect(await follower.check('door')).toBe('unknown');
  expect(JSON.stringify(logged)).toContain('checking the identity of a camera failed');
});

test('a Hello from the new address is enough, without a search', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.41.3' });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await camera.moveTo('127.0.41.10');
  follower.failed('door');
  box.found.hello(camera);
  await seen(() => expect(box.published).toMatchObject([{ state: 'moved', to: '127.0.41.10' }]));
  expect(box.found.scans).toBe(0);
});

test('a camera that is back at its old address is left alone, though it has another one too', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.41.4' });
  const twin = await box.camera({
    ...{ address: '127.0.41.11', endpoint: camera.endpoint, identity: { serial: camera.state.identity.serial } },
  });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  const before = box.written();
  follower.failed('door');
  box.found.hello(twin);
  await seen(() => expect(camera.operations).toContain('GetEndpointReference'));
  await box.clock.advance(2_000);
  follower.connected('door');
  await follower.close();
  expect(twin.operations).toEqual([]);
  expect(box.written()).toBe(before);
});

test('two cameras that swapped their addresses are distinguished and followed', async () => {
  const box = await openFollowing();
  const door = await box.camera({ address: '127.0.41.5' });
  const yard = await box.camera({ address: '127.0.41.6', port: door.port, rtspPort: door.rtspPort });
  const follower = await box.follow(`paths:${entryOf('door', door)}${entryOf('yard', yard)}`);
  expect(await Promise.all(['door', 'yard'].map((path) => follower.check(path)))).toEqual(['same', 'same']);
  await Promise.all([door.stop(), yard.stop()]);
  await Promise.all([door.moveTo('127.0.41.6'), yard.moveTo('127.0.41.5')]);
  await box.clock.advance(10_000);
  const logins = door.requests.concat(yard.requests).filter(({ hasToken }) => hasToken).length;
  expect(await Promise.all(['door', 'yard'].map((path) => follower.check(path)))).toEqual(['other', 'other']);
  expect(door.requests.concat(yard.requests).filter(({ hasToken }) => hasToken)).toHaveLength(logins);
  follower.failed('door', true);
  follower.failed('yard', true);
  await box.clock.advance(5_000);
  await seen(() => expect(box.published).toHaveLength(2));
  expect(box.written()).toBe(`paths:${entryOf('door', door)}${entryOf('yard', yard)}`);
  await box.clock.advance(10_000);
  expect(await Promise.all(['door', 'yard'].map((path) => follower.check(path)))).toEqual(['same', 'same']);
});

test('a stranger at its address is shown its login once, and not again for some minutes', async () => {
  const box = await openFollowing();
  const yard = await box.camera({ address: '127.0.41.32' });
  const follower = await box.follow(`paths:${entryOf('yard', yard)}`);
  const { port } = yard;
  await yard.stop();
  const stranger = await box.camera({ address: '127.0.41.32', port, identity: { serial: 'Z9' } });
  const logins = () =>
    stranger.requests.filter(({ hasToken, authorization }) => hasToken || authorization !== undefined).length;
  expect(await follower.check('yard')).toBe('other');
  const once = logins();
  expect(once).toBeGreaterThan(0);
  await box.clock.advance(60_000);
  follower.failed('yard');
  expect(await follower.check('yard')).toBe('other');
  expect(logins()).toBe(once);
  await box.clock.advance(300_000);
  expect(await follower.check('yard')).toBe('other');
  expect(logins()).toBeGreaterThan(once);
});

test('a missing answer is a result, and is not cached', async () => {
  const box = await openFollowing();
  const yard = await box.camera({ address: '127.0.41.33' });
  const follower = await box.follow(`paths:${entryOf('yard', yard)}`);
  await yard.stop();
  expect(await follower.check('yard')).toBe('silent');
  await yard.start();
  expect(await follower.check('yard')).toBe('same');
});

test('after a stream failure the device at the address is identified again at once', async () => {
  const box = await openFollowing();
  const door = await box.camera({ address: '127.0.41.30' });
  const yard = await box.camera({ address: '127.0.41.31', port: door.port, rtspPort: door.rtspPort });
  const follower = await box.follow(`paths:${entryOf('door', door)}${entryOf('yard', yard)}`);
  expect(await follower.check('yard')).toBe('same');
  await Promise.all([door.stop(), yard.stop()]);
  follower.failed('yard');
  await door.moveTo('127.0.41.31');
  expect(await follower.check('yard')).toBe('other');
});

test('cameras of one maker that share an endpoint are distinguished by serial number', async () => {
  const box = await openFollowing();
  const door = await box.camera({ address: '127.0.41.7' });
  const yard = await box.camera({ address: '127.0.41.8', port: door.port, endpoint: door.endpoint });
  const follower = await box.follow(`paths:${entryOf('door', door)}${entryOf('yard', yard)}`);
  expect(await follower.check('door')).toBe('same');
  await Promise.all([door.stop(), yard.stop()]);
  await yard.moveTo('127.0.41.7');
  await box.clock.advance(10_000);
  expect(await follower.check('door')).toBe('other');
  await door.moveTo('127.0.41.12');
  follower.failed('door', true);
  await box.clock.advance(5_000);
  await seen(() =>
    expect(box.published).toContainEqual(expect.objectContaining({ state: 'moved', path: 'door', to: '127.0.41.12' })),
  );
});

test.for([
  ['shows another serial number to anybody', {}, []],
  ['takes every login and shows another serial number', { quirks: { login: 'digest' } }, ['Digest']],
  ['wants the password in the clear', { quirks: { login: 'basic' } }, []],
] as const)(
  'a device that %s gets no readable login, is logged once and changes nothing',
  async ([, options, logins]) => {
    const box = await openFollowing();
    const camera = await box.camera({ address: '127.0.42.2' });
    const isOpen = !('quirks' in options);
    const liar = await box.camera({ address: '127.0.42.3', endpoint: camera.endpoint, ...options }, isOpen);
    const more = '      clearPassword: yes\n';
    const follower = await box.follow(`paths:${entryOf('door', camera, { more })}`);
    const before = box.written();
    await camera.stop();
    box.found.here.splice(0, 1);
    follower.failed('door');
    await box.clock.advance(2_000);
    await seen(() => expect(box.published).toHaveLength(1));
    const asked = liar.requests.length;
    await box.clock.advance(9 * 60_000);
    expect(box.published).toMatchObject([{ state: 'elsewhere', path: 'door', to: '127.0.42.3' }]);
    expect(liar.requests).toHaveLength(asked);
    const shown = liar.requests.flatMap(({ authorization }) => authorization?.split(' ')[0] ?? []);
    expect(shown).toEqual(logins);
    expect(liar.requests.filter(({ hasToken }) => hasToken)).toEqual([]);
    expect(box.written()).toBe(before);
  },
);

test('despite a device with false replies, the camera is found', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.42.4' });
  const liar = await box.camera({ address: '127.0.42.5', endpoint: camera.endpoint }, true);
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await camera.stop();
  follower.failed('door');
  box.found.hello(liar);
  await seen(() => expect(box.published).toMatchObject([{ state: 'elsewhere' }]));
  await camera.moveTo('127.0.42.6');
  box.found.hello(camera);
  await box.clock.advance(1_000);
  await seen(() => expect(box.published).toMatchObject([{ state: 'elsewhere' }, { state: 'moved', to: '127.0.42.6' }]));
});

test('a device that sends Hello from many ports is queried at one of them', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.42.9' });
  const others = { address: '127.0.42.10', endpoint: camera.endpoint };
  const liars = [await box.camera(others), await box.camera(others), await box.camera(others)];
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await camera.stop();
  box.found.here.splice(0, 1);
  follower.failed('door');
  for (const liar of liars) {
    box.found.hello(liar);
  }
  await seen(() => expect(box.published).toMatchObject([{ state: 'elsewhere' }]));
  await box.clock.advance(60_000);
  await follower.close();
  expect(liars.filter(({ requests }) => requests.some(({ authorization }) => authorization))).toHaveLength(1);
});

test('a camera that was logged in to by Digest gets no token at its new address', async () => {
  const box = await openFollowing();
  const camera = await box.camera({
    address: '127.0.42.7',
    quirks: { login: 'digest' },
    endpoint: 'urn:uuid:0a0b0c0d-0001-4000-8000-000000000001',
  });
  const other = await box.camera({ address: '127.0.42.8', quirks: { login: 'token' }, endpoint: camera.endpoint });
  // Two cameras share the endpoint: the serial number is read, with the login.
  const follower = await box.follow(`paths:${entryOf('door', camera)}${entryOf('yard', camera, { serial: 'other' })}`);
  expect(await follower.check('door')).toBe('same');
  await camera.stop();
  follower.failed('door');
  box.found.hello(other);
  await seen(() => expect(box.published).toMatchObject([{ state: 'elsewhere' }]));
  expect(other.requests.filter(({ hasToken }) => hasToken)).toEqual([]);
});

test('all cameras of a house that have got new addresses are back after one look', async () => {
  const box = await openFollowing();
  const names = Array.from({ length: 12 }, (_, i) => `cam${i}`);
  const cameras = await Promise.all(names.map((_, i) => box.camera({ address: `127.0.43.${i + 2}` })));
  const follower = await box.follow(`paths:${cameras.map((camera, i) => entryOf(`cam${i}`, camera)).join('')}`);
  await Promise.all(cameras.map((camera, i) => camera.moveTo(`127.0.43.${i + 102}`)));
  for (const name of names) {
    follower.failed(name);
  }
  await box.clock.advance(2_000);
  await seen(() => expect(box.published).toHaveLength(12));
  expect(box.published.every((event) => (event as { state: string }).state === 'moved')).toBe(true);
  expect(box.found.scans).toBe(1);
  const asked = cameras.map(({ operations }) => operations.length);
  expect(Math.max(...asked)).toBeLessThan(12);
}, 20_000);

test.for([
  ['in another network than the camera was in', { isInNetworkOf: () => false }, []],
  ['whose address a variable of the environment sets', { variableOf: () => 'PERCH_PATHS_DOOR_SOURCE' }, ['variable']],
] as const)('a camera %s is not followed', async ([, more, published]) => {
  const box = await openFollowing(more);
  const camera = await box.camera({ address: '127.0.44.2' });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  const before = box.written();
  await camera.moveTo('127.0.44.3');
  follower.failed('door');
  await box.clock.advance(2_000);
  await seen(() => expect(box.published).toHaveLength(published.length));
  await follower.close();
  expect(box.published).toMatchObject(
    published.map((word) => ({ state: 'elsewhere', reason: expect.stringContaining(word) })),
  );
  expect(box.written()).toBe(before);
});

test('while a camera is missing, the networks are searched ever less often', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.44.4' });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await camera.stop();
  box.found.here.splice(0);
  follower.failed('door');
  await box.clock.advance(60_000);
  expect(box.found.scans).toBe(4);
  await box.clock.advance(60 * 60_000);
  expect(box.found.scans).toBeLessThan(28);
});

test('a camera with another endpoint after its start, at its address and with its serial number, is known by the new one from then on', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.45.2', quirks: { changesEndpointAtReboot: true } });
  const small = entryOf('door_sub', camera).replace('/main', '/sub');
  const follower = await box.follow(`# mine\npaths:${entryOf('door', camera)}${small}`);
  const [before, former] = [box.written(), camera.endpoint];
  await restart(box, camera);
  follower.failed('door');
  expect(await follower.check('door')).toBe('same');
  await seen(() => expect(box.published).toHaveLength(2));
  const changed = { type: 'camera', state: 'endpoint', from: former, to: camera.endpoint };
  expect(box.published).toMatchObject([
    { ...changed, path: 'door', reason: expect.stringContaining('serial number') },
    { ...changed, path: 'door_sub' },
  ]);
  expect(box.written()).toBe(before.replaceAll(former, camera.endpoint));
  const logins = camera.requests.filter(({ hasToken }) => hasToken).length;
  await box.clock.advance(10_000);
  expect(await follower.check('door')).toBe('same');
  expect(camera.requests.filter(({ hasToken }) => hasToken)).toHaveLength(logins);
});

test('a camera whose endpoint changes each time is not saved each time', async () => {
  const box = await openFollowing();
  const camera = await box.camera({ address: '127.0.45.3', quirks: { changesEndpointAtReboot: true } });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  for (let i = 0; i < 3; i += 1) {
    await restart(box, camera);
    follower.failed('door');
    expect(await follower.check('door')).toBe('same');
    await seen(() => expect(box.published).toHaveLength(1));
    await box.clock.advance(15_000);
  }
  await box.clock.advance(60_000);
  expect(await follower.check('door')).toBe('same');
  await seen(() => expect(box.written()).toContain(camera.endpoint));
});

test('an endpoint that the environment sets is not saved, which is logged once', async () => {
  const { log, logged } = keepLogLines();
  const box = await openFollowing({ log, variableOf: ([, , , key]) => (key === 'endpoint' ? 'PERCH_X' : undefined) });
  const camera = await box.camera({ address: '127.0.45.4', quirks: { changesEndpointAtReboot: true } });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  const before = box.written();
  await restart(box, camera);
  for (let i = 0; i < 3; i += 1) {
    expect(await follower.check('door')).toBe('same');
    await box.clock.advance(120_000);
  }
  expect(logged.map(([, phrase]) => phrase)).toEqual(['new endpoint of a camera is not saved']);
  expect(box.written()).toBe(before);
});

test('a serial number shared by a whole series does not identify another endpoint', async () => {
  const box = await openFollowing();
  const identity = { serial: '12345' };
  const camera = await box.camera({ address: '127.0.45.5', identity, quirks: { changesEndpointAtReboot: true } });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  const before = box.written();
  await restart(box, camera);
  expect(await follower.check('door')).toBe('same');
  await follower.close();
  expect(box.written()).toBe(before);
});

test('unknown devices that follow each other at an address together get the login of its camera once in five minutes', async () => {
  const box = await openFollowing();
  const yard = await box.camera({ address: '127.0.45.6' });
  const follower = await box.follow(`paths:${entryOf('yard', yard)}`);
  await yard.stop();
  const others = { address: '127.0.45.6', port: yard.port, quirks: { changesEndpointAtReboot: true } };
  const stranger = await box.camera({ ...others, identity: { serial: 'Z9' } });
  const logins = () =>
    stranger.requests.filter(({ hasToken, authorization }) => hasToken || authorization !== undefined).length;
  expect(await follower.check('yard')).toBe('other');
  const once = logins();
  await restart(box, stranger);
  await box.clock.advance(60_000);
  expect(await follower.check('yard')).toBe('other');
  expect(logins()).toBe(once);
});

test('a camera that answers slowly during its start is asked again for its serial number after half a minute', async () => {
  const box = await openFollowing();
  const answers: Record<string, 'never'> = { GetDeviceInformation: 'never' };
  const quirks = { changesEndpointAtReboot: true, answers };
  const camera = await box.camera({ address: '127.0.45.7', quirks });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await restart(box, camera);
  const first = follower.check('door');
  await seen(() => expect(camera.operations).toContain('GetDeviceInformation'));
  await box.clock.advance(5_000);
  expect(await first).toBe('other');
  delete answers['GetDeviceInformation'];
  await box.clock.advance(20_000);
  expect(await follower.check('door')).toBe('other');
  await box.clock.advance(30_000);
  expect(await follower.check('door')).toBe('same');
});
