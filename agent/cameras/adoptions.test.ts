import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';
import { good as loaded } from '../../test/support/harness/loaded-config.ts';
import { ConcurrencyLimit } from '../base/concurrency-limit.ts';
import { silentLogger } from '../base/log.ts';
import type { AdoptRequest } from './adoption/camera-request.ts';
import { Adoptions } from './adoptions.ts';

const LOGIN = { user: 'admin', password: 'secret' };

/** Takes connections, and never answers. */
async function openHanging() {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    onvif: `http://127.0.0.1:${port}/onvif/device_service`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

test.concurrent('a camera that hangs gets its trouble after the others have their results', async ({ expect }) => {
  await using hanging = await openHanging();
  await using camera = await startOnvifCamera({ credentials: LOGIN });
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const { onvif } = hanging;
  const { body } = await box.call('POST', '/cameras/adopt', { ...LOGIN, cameras: [{ onvif }, { onvif: camera.url }] });
  expect(body).toMatchObject({ state: 'running', items: [{ status: 'running' }, {}] });
  const later = async () => (await box.call('GET', `/cameras/adopt/${body['id']}`)).body;
  await expect.poll(async () => (await later())['state'], { timeout: 30_000 }).toBe('done');
  expect(await later()).toMatchObject({
    items: [{ status: 'error', trouble: 'timeout', error: expect.stringContaining('answer') }, { status: 'ok' }],
  });
  expect((await box.call('GET', '/cameras/adopt/0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11')).status).toBe(404);
});

/** Adoptions whose cameras never answer, but for some. */
function hangingAdoptions(good: readonly string[] = []) {
  const asked: AdoptRequest[] = [];
  const clock = new FakeClock();
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const found = { endpoint: 'urn:uuid:1', address: '10.0.0.9' };
  const adoptions = new Adoptions({
    store: { current: loaded('paths: {}'), file: undefined },
    adopter: {
      adopt: async (request) => {
        asked.push(request);
        return good.includes(request.address ?? '')
          ? { title: request.address ?? '', paths: [], description: undefined }
          : new Promise((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason)));
      },
    },
    found: { list: () => [found] as never },
    gate: new ConcurrencyLimit(64, 512, 'cameras'),
    inTime: (work) => work(stop.signal),
    ...{ remember: () => {}, clock, log: silentLogger, publish: () => {} },
  });
  return { adoptions, asked, clock };
}

test('cameras that hang delay none of the others, and a call that waits for them answers after 10 s', async () => {
  const good = Array.from({ length: 17 }, (_, i) => `10.0.1.${i}`);
  const { adoptions, clock } = hangingAdoptions(good);
  const hanging = Array.from({ length: 8 }, (_, i) => `10.0.0.${i}`);
  let answer: Awaited<ReturnType<Adoptions['start']>> | undefined;
  void adoptions.start({ cameras: [...hanging, ...good].map((address) => ({ address })) }, true).then((its) => {
    answer = its;
  });
  await clock.advance(9_999);
  expect(answer).toBeUndefined();
  await clock.advance(1);
  expect(answer?.state).toBe('running');
  expect(answer?.items.map(({ status }) => status)).toEqual([...hanging.map(() => 'running'), ...good.map(() => 'ok')]);
});

test('of one device four cameras are tried at the same time, whatever requests and addresses name them', async () => {
  const { adoptions, asked } = hangingAdoptions();
  const forms = [
    { onvif: 'http://10.0.0.9/onvif/device_service' },
    { onvif: 'http://admin:a@10.0.0.9:8080/onvif/device_service' },
    { rtsp: 'rtsp://10.0.0.9:554/ch1' },
    { source: 'rtmp://10.0.0.9/ch1' },
    { address: '10.0.0.9:554' },
    { endpoint: 'urn:uuid:1' },
  ];
  for (const form of forms) {
    await adoptions.start({ cameras: [form, form] }, false);
  }
  await adoptions.start({ cameras: [{ address: '10.0.0.10' }] }, false);
  await expect.poll(() => asked.some(({ address }) => address === '10.0.0.10')).toBe(true);
  expect(asked).toHaveLength(5);
});

test('512 cameras are being added at most', async () => {
  const { adoptions } = hangingAdoptions();
  const cameras = Array.from({ length: 64 }, () => ({ address: '10.0.0.9' }));
  for (let at = 0; at < 8; at += 1) {
    await adoptions.start({ cameras }, false);
  }
  await expect(adoptions.start({ cameras: cameras.slice(0, 1) }, false)).rejects.toMatchObject({
    code: 'exhausted',
    message: '512 cameras are being added already, the limit is 512',
  });
});
