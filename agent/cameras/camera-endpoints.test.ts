import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';

const LOGIN = { user: 'admin', password: 'secret' };

test('a camera is moved to a position, centred on a point, and its outputs are switched', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const quirks = { relays: { out: {} }, commands: ['tt:WhiteLight|On', 'tt:WhiteLight|Off'] };
  await using camera = await startOnvifCamera({ address: '127.0.46.3', credentials: LOGIN, quirks });
  await box.call('POST', '/cameras/adopt', { ...LOGIN, cameras: [{ onvif: camera.url, name: 'door' }] });
  const abilities = { hasAbsolute: true, canCenter: true, isCenterEstimated: false };
  expect((await box.call('GET', '/cameras/ptz/get/door')).body).toMatchObject(abilities);
  await box.call('POST', '/cameras/ptz/position/door', { pan: 0.5, tilt: -0.5, zoom: 0.25 });
  expect((await box.call('GET', '/cameras/ptz/position/door')).body).toEqual({ pan: 0.5, tilt: -0.5, zoom: 0.25 });
  await box.call('POST', '/cameras/ptz/center/door', { x: 1, y: 0.5 });
  expect(camera.ptz.position.x).toBeGreaterThan(0.5);
  const { items } = (await box.call('GET', '/cameras/outputs/list/door')).body;
  expect(items).toMatchObject([
    { id: 'relay-out', kind: 'relay', name: 'Relay', isOn: null, isMomentary: false },
    { id: 'aux-WhiteLight', kind: 'light', name: 'White light', isOn: null, relay: null },
  ]);
  expect((await box.call('POST', '/cameras/outputs/set/door', { id: 'relay-out', isOn: true })).status).toBe(200);
  expect(camera.state.outputs.isActive('out')).toBe(true);
  await box.call('POST', '/cameras/outputs/set/door', { id: 'aux-WhiteLight', isOn: false });
  expect(camera.state.outputs.commands).toEqual(['device tt:WhiteLight|Off']);
  const pulse = { id: 'relay-out', mode: 'monostable', seconds: 2 };
  expect((await box.call('POST', '/cameras/outputs/relay/door', pulse)).body).toMatchObject({ isMomentary: true });
  for (const [route, body, status] of [
    ['outputs/set', { id: 'relay-2', isOn: true }, 404],
    ['outputs/set', { id: '', isOn: true }, 400],
    ['outputs/relay', { id: 'aux-WhiteLight', mode: 'bistable' }, 404],
    ['ptz/position', {}, 400],
    ['ptz/position', { zoom: 2 }, 400],
    ['ptz/center', { x: 0.5 }, 400],
  ] as const) {
    expect([route, (await box.call('POST', `/cameras/${route}/door`, body)).status]).toEqual([route, status]);
  }
});

test('a camera whose endpoint changes at its start delivers events, control and pictures again, and the reason is reported', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const quirks = { changesEndpointAtReboot: true };
  await using camera = await startOnvifCamera({ address: '127.0.46.2', credentials: LOGIN, quirks });
  const adopted = await box.call('POST', '/cameras/adopt', {
    ...LOGIN,
    cameras: [{ onvif: camera.url, name: 'door' }],
  });
  expect(adopted.body['items']).toMatchObject([{ status: 'ok', path: 'door' }]);
  await expect.poll(() => camera.state.events.count).toBe(1);
  const former = camera.endpoint;
  await camera.reboot();
  await expect.poll(() => box.text()).toContain(camera.endpoint);
  expect(box.text()).not.toContain(former);
  await expect.poll(() => camera.state.events.count).toBe(1);
  expect((await box.call('POST', '/cameras/ptz/move/door', { pan: 0.5 })).status).toBe(200);
  expect(await box.call('POST', '/cameras/ptz/goto/door', { token: 'nowhere' })).toMatchObject({
    ...{ status: 404, body: { error: 'the camera replies with a fault: no preset of this token' } },
  });
  const picture = await box.ask('GET', '/cameras/snapshot/door', undefined, { cookie: box.cookie });
  expect(picture.status).toBe(200);
  await expect.poll(async () => (await box.call('GET', '/paths/get/door')).body['ready']).toBe(true);
  expect(box.log.join('\n')).toContain('camera has a new endpoint, verified by its serial number');
});
