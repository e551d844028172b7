import { expect, test, vi } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../../test/support/harness/adoption-harness.ts';

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 50 });

test('a private camera gets no request: no stream, no events, no snapshot', async () => {
  await using camera = await startOnvifCamera();
  const block = `camera: {onvif: "${camera.url}", profile: main}`;
  const paths = `  hall: {source: "${camera.rtspUrl()}", ${block}, modes: {away: {privacy: yes}}}\n`;
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, `paths:\n${paths}`);
  const isReady = async () => (await box.call('GET', '/paths/get/hall')).body['ready'];
  await until(async () => expect(await isReady()).toBe(true));
  await until(() => expect(camera.state.events.count).toBe(1));
  expect((await box.ask('POST', '/mode', { mode: 'away' }, { cookie: '' })).status).toBe(401);
  expect(await box.call('POST', '/mode', { mode: 'away' })).toMatchObject({ status: 200, body: { mode: 'away' } });
  expect(await isReady()).toBe(false);
  await until(() => expect(camera.state.events.count).toBe(0));
  expect(await box.call('GET', '/cameras/snapshot/hall')).toMatchObject({
    status: 409,
    body: { error: 'this camera is private in the present mode' },
  });
  expect((await box.call('GET', '/cameras/get/hall')).body).toMatchObject({ state: 'private', trouble: null });
  expect((await box.call('POST', '/mode', { mode: 'home' })).status).toBe(200);
  await until(async () => expect(await isReady()).toBe(true));
});
