import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';

const LOGIN = { user: 'admin', password: 'secret' };

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
