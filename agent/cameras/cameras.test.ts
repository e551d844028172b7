import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';
import { silentLogger } from '../base/log.ts';
import { HiddenCameras } from './cameras.ts';

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
