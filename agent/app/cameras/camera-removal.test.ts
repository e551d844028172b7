import { expect, test, vi } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../../test/support/harness/adoption-harness.ts';

test('what a camera that was just taken out had not yet written is deleted with the rest of its recordings', async () => {
  await using camera = await startOnvifCamera();
  // Nothing of it is in a file before it goes.
  const recorded = 'record: yes, recordPartDuration: 1h, camera: {name: Yard}';
  const paths = `paths:\n  yard: {source: "${camera.rtspUrl()}", ${recorded}}\n`;
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, paths);
  const received = async () => Number((await box.call('GET', '/paths/get/yard')).body['inboundBytes']);
  await vi.waitFor(async () => expect(await received()).toBeGreaterThan(0), { timeout: 10_000, interval: 50 });
  expect((await box.call('DELETE', '/cameras/forget/yard')).status).toBe(200);
  expect(await box.call('DELETE', '/recordings/deletepath/yard')).toMatchObject({
    status: 200,
    body: { deleted: 1, kept: 0, items: [] },
  });
  expect((await box.call('GET', '/recordings/get/yard')).status).toBe(400);
});
