import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';
import { silentLogger } from '../base/log.ts';
import { HiddenCameras } from './hidden-cameras.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'perch-hidden-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const open = async (dataDir: string): Promise<HiddenCameras> => {
  const hidden = new HiddenCameras({ dataDir, log: silentLogger });
  await hidden.close();
  return hidden;
};
const which = (hidden: HiddenCameras, ...endpoints: string[]) => endpoints.map((endpoint) => hidden.has(endpoint));

test('hidden cameras stay hidden after a restart, until they are shown again', async () => {
  const dataDir = folder();
  const first = await open(dataDir);
  await Promise.all([first.set(['a', 'b'], true), first.set(['c', 'a'], true), first.set(['b'], false)]);
  const second = await open(dataDir);
  expect(which(second, 'a', 'b', 'c')).toEqual([true, false, true]);
  await second.set(['a', 'c', 'unknown'], false);
  expect(which(await open(dataDir), 'a', 'c')).toEqual([false, false]);
});

test('of more than 500 cameras those that were hidden last stay hidden', async () => {
  const hidden = await open(folder());
  await hidden.set(['first', 'second'], true);
  await hidden.set(
    Array.from({ length: 499 }, (_, i) => `urn:${i}`),
    true,
  );
  expect(which(hidden, 'first', 'second', 'urn:0', 'urn:498')).toEqual([false, true, true, true]);
});

test.for(['{', '{"endpoints":"x"}', JSON.stringify({ endpoints: ['x'.repeat(201)] })])(
  'the damaged file %s hides nothing and is put aside',
  async (text) => {
    const dataDir = folder();
    const file = join(dataDir, 'hidden-cameras.json');
    writeFileSync(file, text);
    const hidden = await open(dataDir);
    expect(existsSync(file)).toBe(false);
    await hidden.set(['a'], true);
    expect(which(await open(dataDir), 'a')).toEqual([true]);
  },
);

test('a found camera is hidden for all who ask, and shown again', async () => {
  const port = await freeUdpPort();
  await using camera = await startOnvifCamera({ address: '127.0.0.41', discoveryPort: port });
  await using box = await openAdoptionHarness({ port });
  const found = async (): Promise<unknown> => {
    const { body } = await box.call('GET', '/cameras/found');
    return (body['items'] as readonly { endpoint: string }[]).find(({ endpoint }) => endpoint === camera.endpoint);
  };
  await box.call('POST', '/cameras/discover?wait=yes');
  await expect.poll(found).toMatchObject({ hidden: false });
  const hide = (hidden: unknown) => box.call('POST', '/cameras/hide', { endpoints: [camera.endpoint], hidden });
  expect((await hide(true)).status).toBe(200);
  expect(await found()).toMatchObject({ hidden: true });
  expect((await hide('perhaps')).status).toBe(400);
  await hide(false);
  expect(await found()).toMatchObject({ hidden: false });
});
