import { createSocket } from 'node:dgram';
import type { NetworkInterfaceInfo } from 'node:os';
import { expect, type TestContext, test } from 'vitest';
import { freeUdpPort } from '../../../../../test/support/base/free-udp-port.ts';
import { openRegistry } from '../../../../../test/support/harness/registry-harness.ts';
import { type Clock, systemClock } from '../../../../base/clock.ts';
import { silentLogger } from '../../../../base/log.ts';
import { perchCamera, perchOf } from '../../../../onvif/device/perch-camera.ts';
import { writeProbe } from '../../../../onvif/discovery/probe.ts';
import type { ServedCamera } from '../server.ts';
import { parseProbe } from './discovery-messages.ts';
import { Responder, type ResponderOptions } from './responder.ts';

const PERCH = '0123456789';
const served = (path: string, port: number): ServedCamera => ({
  path,
  name: `Camera ${path}`,
  streams: [{ token: 'main', path }],
  port,
  error: undefined,
});

function openResponder(port: number, more: Partial<ResponderOptions> = {}) {
  return new Responder({
    clock: systemClock,
    log: silentLogger,
    perch: PERCH,
    port,
    includeLoopback: true,
    only: ['lo'],
    random: () => 0,
    ...more,
  });
}

/** A socket that sends a probe to one address, and keeps the answers. */
async function openProber(context: TestContext) {
  const socket = createSocket('udp4');
  const answers: { readonly text: string; readonly port: number }[] = [];
  socket.on('message', (datagram, from) => answers.push({ text: `${datagram}`, port: from.port }));
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  context.onTestFinished(() => void socket.close());
  return { answers, probe: (port: number) => socket.send(writeProbe('tds:Device').text, port, '127.0.0.1') };
}

test('a scan finds each camera at its own port, and a Bye removes it', async (context) => {
  const port = await freeUdpPort();
  const responder = openResponder(port);
  responder.setCameras([served('door', 8600), served('yard', 8601)]);
  const { found } = openRegistry(context, port, { listenMs: 300 });
  await expect
    .poll(async () => {
      await found.scan();
      return found.list().map(({ url, name }) => [url, name]);
    })
    .toEqual([
      ['http://127.0.0.1:8600/onvif/device_service', 'Camera door'],
      ['http://127.0.0.1:8601/onvif/device_service', 'Camera yard'],
    ]);
  found.start();
  // An answer to its probes may arrive after a Bye.
  await found.scan();
  responder.setCameras([served('yard', 8601)]);
  await expect.poll(() => found.list().map(({ name }) => name)).toEqual(['Camera yard']);
  await responder.close();
  await expect.poll(() => found.list()).toEqual([]);
});

test('a probe to the address of this machine alone is answered, from the port that it was sent to', async (context) => {
  const port = await freeUdpPort();
  const responder = openResponder(port);
  context.onTestFinished(() => responder.close());
  responder.setCameras([served('door', 8600), served('yard', 8601)]);
  const prober = await openProber(context);
  await expect
    .poll(() => {
      prober.probe(port);
      return prober.answers.length;
    })
    .toBeGreaterThanOrEqual(2);
  const [door, yard] = prober.answers;
  expect([door?.port, yard?.port]).toEqual([port, port]);
  expect(door?.text).toContain('http://127.0.0.1:8600/onvif/device_service');
  expect(yard?.text).toContain('http://127.0.0.1:8601/onvif/device_service');
});

test('datagrams to this machine alone stay with another program that has the port; scans find the cameras', async (context) => {
  const port = await freeUdpPort();
  const other = createSocket({ type: 'udp4', reuseAddr: true });
  context.onTestFinished(() => void other.close());
  const heard: string[] = [];
  other.on('message', (datagram) => heard.push(`${datagram}`));
  await new Promise<void>((resolve) => {
    other.bind(port, resolve);
  });
  const responder = openResponder(port);
  context.onTestFinished(() => responder.close());
  responder.setCameras([served('door', 8600)]);
  const { found } = openRegistry(context, port);
  await expect
    .poll(async () => {
      await found.scan({ listenMs: 300 });
      return found.list().map(({ name }) => name);
    })
    .toEqual(['Camera door']);
  heard.length = 0;
  const prober = await openProber(context);
  prober.probe(port);
  await expect.poll(() => heard.length).toBe(1);
  expect(prober.answers).toEqual([]);
});

test('another program may open the port after this one', async (context) => {
  const port = await freeUdpPort();
  const responder = openResponder(port);
  context.onTestFinished(() => responder.close());
  responder.setCameras([served('door', 8600)]);
  const prober = await openProber(context);
  await expect
    .poll(() => {
      prober.probe(port);
      return prober.answers.length;
    })
    .toBeGreaterThan(0);
  const other = createSocket({ type: 'udp4', reuseAddr: true });
  context.onTestFinished(() => void other.close());
  await new Promise<void>((resolve, reject) => {
    other.once('error', reject);
    other.bind(port, resolve);
  });
});

test('devices that listen at one address are announced there only', async (context) => {
  const port = await freeUdpPort();
  const addresses = ['127.0.0.1', '127.0.0.2'];
  const interfaces = () => ({ lo: addresses.map(loopback) });
  const responder = openResponder(port, { interfaces, host: '127.0.0.2' });
  context.onTestFinished(() => responder.close());
  responder.setCameras([served('door', 8600)]);
  const { found } = openRegistry(context, port);
  await expect
    .poll(async () => {
      await found.scan({ listenMs: 300 });
      return found.list().map(({ url }) => url);
    })
    .toEqual(['http://127.0.0.2:8600/onvif/device_service']);
});

test('a port of WS-Discovery that another program has alone is an error, until it is free', async (context) => {
  const port = await freeUdpPort();
  let refresh = () => {};
  const every: Clock['every'] = (_ms, tick) => {
    refresh = tick;
    return () => {};
  };
  const other = createSocket('udp4');
  await new Promise<void>((resolve) => {
    other.bind(port, resolve);
  });
  const responder = openResponder(port, { clock: { ...systemClock, every } });
  context.onTestFinished(() => responder.close());
  await expect.poll(() => responder.error).toContain('EADDRINUSE');
  await new Promise<void>((resolve) => {
    other.close(resolve);
  });
  refresh();
  await expect.poll(() => responder.error).toBeUndefined();
});

test('a Perch does not find its own cameras', async (context) => {
  const port = await freeUdpPort();
  const [own, other] = [openResponder(port), openResponder(port, { perch: 'abcdef0123' })];
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
  const interfaces = () => ({ lo: addresses.map(loopback) });
  const responder = openResponder(port, { clock: { ...systemClock, every }, interfaces });
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
  // The second address of a link shares the group membership of the first.
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

test('a camera is recognised as that of a Perch by its endpoint and its serial number', () => {
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
