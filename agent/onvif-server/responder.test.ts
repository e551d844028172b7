import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openRegistry } from '../../test/support/harness/registry-harness.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { perchCamera, perchOf } from '../onvif/device/perch-camera.ts';
import { writeProbe } from '../onvif/discovery/probe.ts';
import { parseProbe, Responder } from './responder.ts';
import type { ServedCamera } from './server.ts';

const PERCH = '0123456789';
const served = (path: string, port: number): ServedCamera => ({
  path,
  name: `Camera ${path}`,
  streams: [{ token: 'main', path }],
  port,
  error: undefined,
});

function openResponder(port: number, perch = PERCH) {
  return new Responder({
    clock: systemClock,
    log: silentLogger,
    perch,
    port,
    includeLoopback: true,
    only: ['lo'],
    random: () => 0,
  });
}

test('a scan finds each camera at its own port, and a Bye removes it', async (context) => {
  const port = await freeUdpPort();
  const responder = openResponder(port);
  responder.setCameras([served('door', 8600), served('yard', 8601)]);
  const { found } = openRegistry(context, port);
  await expect
    .poll(async () => {
      await found.scan({ listenMs: 300 });
      return found.list().map(({ url, name }) => [url, name]);
    })
    .toEqual([
      ['http://127.0.0.1:8600/onvif/device_service', 'Camera door'],
      ['http://127.0.0.1:8601/onvif/device_service', 'Camera yard'],
    ]);
  found.start();
  responder.setCameras([served('yard', 8601)]);
  await expect.poll(() => found.list().map(({ name }) => name)).toEqual(['Camera yard']);
  await responder.close();
  await expect.poll(() => found.list()).toEqual([]);
});

test('a Perch does not find its own cameras', async (context) => {
  const port = await freeUdpPort();
  const [own, other] = [openResponder(port), openResponder(port, 'abcdef0123')];
  own.setCameras([served('door', 8600)]);
  other.setCameras([served('door', 8700)]);
  const { found } = openRegistry(context, port, { isOwn: (identity) => perchOf(identity) === PERCH });
  await expect
    .poll(async () => {
      await found.scan({ listenMs: 300 });
      return found.list().map(({ url }) => url);
    })
    .toEqual(['http://127.0.0.1:8700/onvif/device_service']);
  await Promise.all([own.close(), other.close()]);
});

test('cameras are found again after a link came back, and at a new address of the same link', async (context) => {
  const port = await freeUdpPort();
  let refresh = () => {};
  const every: Clock['every'] = (_ms, tick) => {
    refresh = tick;
    return () => {};
  };
  let addresses: readonly string[] = ['127.0.0.1'];
  const responder = new Responder({
    clock: { ...systemClock, every },
    log: silentLogger,
    perch: PERCH,
    port,
    includeLoopback: true,
    only: ['lo'],
    random: () => 0,
    interfaces: () => ({ lo: addresses.map(loopback) }),
  });
  context.onTestFinished(() => responder.close());
  responder.setCameras([served('door', 8600)]);
  const { found } = openRegistry(context, port);
  const urls = () =>
    expect.poll(async () => {
      await found.scan({ listenMs: 300 });
      return [found.list().map(({ url }) => url), responder.error];
    });
  const become = (...next: string[]) => {
    addresses = next;
    refresh();
  };
  await urls().toEqual([['http://127.0.0.1:8600/onvif/device_service'], undefined]);
  become();
  become('127.0.0.1');
  await urls().toEqual([['http://127.0.0.1:8600/onvif/device_service'], undefined]);
  become('127.0.0.2');
  await urls().toEqual([['http://127.0.0.2:8600/onvif/device_service'], undefined]);
  // The second address of a link shares the membership of the first one.
  become('127.0.0.2', '127.0.0.3');
  become('127.0.0.3');
  await urls().toEqual([['http://127.0.0.3:8600/onvif/device_service'], undefined]);
});

const loopback = (address: string): NetworkInterfaceInfo => ({
  address,
  netmask: '255.0.0.0',
  family: 'IPv4',
  mac: '00:00:00:00:00:00',
  internal: true,
  cidr: `${address}/8`,
});

test('a camera is recognized as that of a Perch by its endpoint and its serial number', () => {
  const { endpoint, serial, mac } = perchCamera(PERCH, 'door');
  expect([perchOf(endpoint), perchOf(serial), perchOf(endpoint.replace('urn:uuid:', '').toUpperCase())]).toEqual([
    PERCH,
    PERCH,
    PERCH,
  ]);
  expect(mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
  expect(perchCamera(PERCH, 'yard').mac).not.toBe(mac);
  expect([perchOf('urn:uuid:00000000-0000-4000-8000-000000000000'), perchOf(undefined)]).toEqual([
    undefined,
    undefined,
  ]);
});

test('a probe is read with its types, and other messages are none', () => {
  const { messageId, text } = writeProbe('tds:Device');
  expect(parseProbe(Buffer.from(text))).toEqual({ messageId, types: ['Device'], scopes: [] });
  expect(parseProbe(Buffer.from(text.replaceAll('Probe>', 'Hello>')))).toBeUndefined();
});
