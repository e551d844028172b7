import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { ConcurrencyLimit } from '../base/concurrency-limit.ts';
import { silentLogger } from '../base/log.ts';
import type { AdoptRequest } from './adoption/camera-request.ts';
import { Adoptions } from './adoptions.ts';

const LOGIN = { user: 'admin', password: 'secret' };
/** More than are tried at one device at the same time. */
const HANGING = 8;
const GOOD = 5;

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

test.concurrent('cameras that hang delay none of the others', async ({ expect }) => {
  const cameras: OnvifCamera[] = [];
  const hanging = await Promise.all(Array.from({ length: HANGING }, openHanging));
  try {
    for (let at = 0; at < GOOD; at += 1) {
      cameras.push(await startOnvifCamera({ address: `127.0.7.${at + 1}`, credentials: LOGIN }));
    }
    await using box = await openAdoptionHarness({ port: await freeUdpPort() });
    const request = {
      ...LOGIN,
      cameras: [...hanging.map(({ onvif }) => ({ onvif })), ...cameras.map(({ url: onvif }) => ({ onvif }))],
    };
    const { status, body } = await box.call('POST', '/cameras/adopt?wait=no', request);
    expect([status, body['state']]).toEqual([200, 'running']);
    const statuses = async () => {
      const now = await box.call('GET', `/cameras/adopt/${body['id']}`);
      return (now.body['items'] as readonly { status: string }[]).map((item) => item.status);
    };
    // A camera that hangs is given up after 20 s.
    const expected = [...hanging.map(() => 'running'), ...cameras.map(() => 'ok')];
    await expect.poll(statuses, { timeout: 19_000, interval: 20 }).toEqual(expected);
    const { body: list } = await box.call('GET', '/cameras/list?itemsPerPage=100');
    expect(list['items']).toHaveLength(GOOD);
  } finally {
    for (const each of [...cameras, ...hanging]) {
      await each[Symbol.asyncDispose]();
    }
  }
});

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

/** Adoptions whose cameras never answer. */
function hangingAdoptions() {
  const asked: AdoptRequest[] = [];
  const clock = new FakeClock();
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const found = { endpoint: 'urn:uuid:1', address: '10.0.0.9' };
  const adoptions = new Adoptions({
    store: { current: good('paths: {}'), file: undefined },
    adopter: {
      adopt: (request) => {
        asked.push(request);
        return new Promise((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason)));
      },
    },
    found: { list: () => [found] as never },
    gate: new ConcurrencyLimit(64, 512, 'cameras'),
    inTime: (work) => work(stop.signal),
    ...{ remember: () => {}, clock, log: silentLogger, publish: () => {} },
  });
  return { adoptions, asked, clock };
}

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

test('a call that waits for its cameras answers after 10 s', async () => {
  const { adoptions, clock } = hangingAdoptions();
  let answer: unknown;
  void adoptions.start({ cameras: [{ address: '10.0.0.9' }] }, true).then((its) => {
    answer = its;
  });
  await clock.advance(9_999);
  expect(answer).toBeUndefined();
  await clock.advance(1);
  expect(answer).toMatchObject({ state: 'running', items: [{ status: 'running' }] });
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
