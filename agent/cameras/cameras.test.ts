import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';

test('during the search of a range another range is rejected at once, and a single address is not', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const probe = (target: string) => box.call('POST', '/cameras/probe', { target });
  const first = await probe('127.0.2.0/27');
  expect(first).toMatchObject({ status: 200, body: { state: 'running' } });
  expect(await probe('127.0.3.0/30')).toEqual({
    status: 409,
    body: { status: 'error', error: 'another range of addresses is being searched: wait for it to end', why: 'busy' },
  });
  expect((await probe('127.0.3.1')).status).toBe(200);
  await box.call('DELETE', `/cameras/probe/${first.body['id']}`);
  await expect.poll(async () => (await probe('127.0.3.0/30')).status, { timeout: 10_000 }).toBe(200);
});

test('a camera is identified by a host name and the port of its stream', async () => {
  const credentials = { user: 'admin', password: 'secret' };
  const streamPaths = { main: '/Streaming/Channels/101', sub: '/Streaming/Channels/102' };
  await using camera = await startOnvifCamera({ credentials, quirks: { onvifIsOff: 404, streamPaths } });
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const target = `localhost:${camera.rtspPort}`;
  const { body } = await box.call('POST', '/cameras/probe', { target, ...credentials });
  const look = async () => (await box.call('GET', `/cameras/probe/${body['id']}`)).body;
  await expect.poll(async () => (await look())['state'], { timeout: 10_000 }).toBe('done');
  const origin = `rtsp://127.0.0.1:${camera.rtspPort}`;
  expect(await look()).toMatchObject({
    ...{ target, slow: false, onvif: null, makers: expect.stringContaining('Hikvision') },
    ...{ rtsp: `${origin}${streamPaths.main}`, sub: `${origin}${streamPaths.sub}` },
  });
});
