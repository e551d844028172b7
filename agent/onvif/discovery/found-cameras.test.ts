import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freeUdpPort } from '../../../test/support/base/free-udp-port.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { openCamera, openRegistry } from '../../../test/support/harness/registry-harness.ts';
import { silentLogger } from '../../base/log.ts';
import type { FoundCameras } from './found-cameras.ts';

const GROUP = '239.255.255.250';

const urls = (found: FoundCameras): string[] => found.list().map(({ url }) => url);

test.concurrent("a camera's Hello adds it at once, with its description", async (context) => {
  const discoveryPort = await freeUdpPort();
  const { found, untilFound } = openRegistry(context, discoveryPort);
  found.start();
  const camera = await openCamera(context, { discoveryPort, address: '127.0.0.9' });
  const { camera: known } = await untilFound(({ camera: { endpoint } }) => endpoint === camera.endpoint);
  expect(known).toMatchObject({ address: '127.0.0.9', url: camera.url, name: 'Front door', hardware: 'Sim 1' });
  expect(found.find(camera.endpoint)).toMatchObject([{ url: camera.url }]);
});

test.concurrent("a camera's Bye removes it; a Bye from another address is ignored", async (context) => {
  const discoveryPort = await freeUdpPort();
  const { found, untilFound } = openRegistry(context, discoveryPort);
  found.start();
  const camera = await openCamera(context, { discoveryPort, address: '127.0.0.9' });
  const liar = await openCamera(context, { discoveryPort, address: '127.0.0.10', endpoint: camera.endpoint });
  const last = (address: string) => untilFound((finding) => finding.camera.address === address);
  await Promise.all([last('127.0.0.9'), last('127.0.0.10')]);
  await liar.stop();
  // Datagrams are read in order, so the Bye has been read by then.
  await openCamera(context, { discoveryPort, address: '127.0.0.11' });
  await last('127.0.0.11');
  expect(found.find(camera.endpoint).map(({ address }) => address)).toEqual(['127.0.0.9']);
  await camera.stop();
  await openCamera(context, { discoveryPort, address: '127.0.0.12' });
  await last('127.0.0.12');
  expect(found.find(camera.endpoint)).toEqual([]);
});

test.concurrent('64 cameras are all found with one look, which two share', async (context) => {
  const discoveryPort = await freeUdpPort();
  const cameras = await Promise.all(
    Array.from({ length: 64 }, (_, i) => openCamera(context, { discoveryPort, address: `127.0.1.${i + 1}` })),
  );
  const { found, findings } = openRegistry(context, discoveryPort);
  await Promise.all([found.scan({ listenMs: 2_500 }), found.scan()]);
  expect(urls(found)).toEqual(cameras.map(({ url }) => url));
  expect(findings.map(({ finding }) => finding)).toEqual(cameras.map(() => 'new'));
});

test.concurrent.for([
  ['answers for each of its interfaces', { answersForEach: ['http://10.0.0.9:PORT/PATH', 'http://HOST:PORT/PATH'] }],
  ['answers everything twice', { answersTwice: true }],
  ['leaves RelatesTo out', { leavesOutRelatesTo: true }],
  ['has no scopes', { leavesOutScopes: true }],
  ['is only a Device', { types: ['tds:Device'] }],
  ['is only an NVT', { types: ['dn:NetworkVideoTransmitter'] }],
  ['names 0.0.0.0', { xaddrs: ['http://0.0.0.0:PORT/PATH'] }],
  ['names its factory address', { xaddrs: ['http://192.168.1.108:PORT/PATH'] }],
  ['names a dead address first', { xaddrs: ['http://169.254.9.9/PATH', 'http://HOST:PORT/PATH'] }],
  ['names IPv6 first', { xaddrs: ['http://[fe80::1]:PORT/PATH', 'http://HOST:PORT/PATH'] }],
  ['has the service at a path of its own', { devicePath: '/onvif/service' }],
  ['talks nonsense first', { saysFirst: ['nonsense', '<Envelope><Body><Hello/></Body></Envelope>', '\u0000'] }],
  [
    'sends an empty answer first',
    { saysFirst: ['<Envelope><Header><RelatesTo>ID</RelatesTo></Header><Body><ProbeMatches/></Body></Envelope>'] },
  ],
  ['sends an answer in many pieces', { answerBytes: 20_000 }],
  ['thinks for half a second', { answersAfterMs: 500 }],
] as const satisfies readonly (readonly [string, Quirks])[])(
  'a camera that %s is found once',
  async ([, quirks], context) => {
    const discoveryPort = await freeUdpPort();
    const camera = await openCamera(context, { discoveryPort, address: '127.0.0.21', quirks });
    const { found, findings } = openRegistry(context, discoveryPort);
    await found.scan({ listenMs: 1_500 });
    expect(urls(found)).toEqual([camera.url]);
    expect(findings).toHaveLength(1);
  },
);

test.concurrent('a recorder that answers for another device in the same datagram hides none of them', async (context) => {
  const discoveryPort = await freeUdpPort();
  const other = { endpoint: 'urn:uuid:other', xaddr: 'http://127.0.0.22:81/onvif/device_service' };
  const camera = await openCamera(context, { discoveryPort, address: '127.0.0.22', quirks: { isBundledWith: other } });
  const { found } = openRegistry(context, discoveryPort);
  await found.scan({ listenMs: 1_500 });
  expect(urls(found).sort()).toEqual([other.xaddr, camera.url].sort());
});

test.concurrent('cheap boards that all have one identity are each found', async (context) => {
  const discoveryPort = await freeUdpPort();
  const endpoint = 'urn:uuid:00000000-0000-0000-0000-000000000001';
  await openCamera(context, { discoveryPort, address: '127.0.0.31', endpoint });
  await openCamera(context, { discoveryPort, address: '127.0.0.32', endpoint });
  const { found } = openRegistry(context, discoveryPort);
  await found.scan({ listenMs: 1_500 });
  expect(found.find(endpoint).map(({ address }) => address)).toHaveLength(2);
});

test.concurrent('after a search a camera with a new address is known at that address only', async (context) => {
  const discoveryPort = await freeUdpPort();
  const camera = await openCamera(context, { discoveryPort, address: '127.0.0.41' });
  const { found } = openRegistry(context, discoveryPort);
  await found.scan({ listenMs: 1_500 });
  await camera.moveTo('127.0.0.42');
  await found.scan({ listenMs: 1_500 });
  expect(urls(found)).toEqual([camera.url]);
  expect(camera.url).toContain('127.0.0.42');
});

test.concurrent('a camera with a Hello from another address moves there when the old address no longer answers', async (context) => {
  const discoveryPort = await freeUdpPort();
  const camera = await openCamera(context, { discoveryPort, address: '127.0.0.47' });
  const { found } = openRegistry(context, discoveryPort);
  found.start();
  await found.scan();
  expect(urls(found)).toEqual([camera.url]);
  await camera.moveTo('127.0.0.48');
  await context.expect.poll(() => urls(found)).toEqual([camera.url]);
});

test.concurrent('a camera with the identity of another present one is listed separately', async (context) => {
  const discoveryPort = await freeUdpPort();
  const endpoint = 'urn:uuid:00000000-0000-0000-0000-000000000003';
  await openCamera(context, { discoveryPort, address: '127.0.0.49', endpoint });
  const { found } = openRegistry(context, discoveryPort);
  found.start();
  await found.scan();
  const seenMs = () => found.list().find(({ address }) => address === '127.0.0.49')?.lastSeenMs;
  const before = seenMs();
  await openCamera(context, { discoveryPort, address: '127.0.0.50', endpoint });
  // The first camera is probed again, and answers.
  await context.expect.poll(() => seenMs() === before).toBe(false);
  expect(
    found
      .find(endpoint)
      .map(({ address }) => address)
      .sort(),
  ).toEqual(['127.0.0.49', '127.0.0.50']);
});

test.concurrent('a camera that answers from two addresses, and names both at each, is listed once, at the remaining one if one disappears', async (context) => {
  const discoveryPort = await freeUdpPort();
  const endpoint = 'urn:uuid:0a0b0c0d-0001-4000-8000-000000000004';
  const quirks = { xaddrs: ['http://127.0.0.71:PORT/PATH', 'http://127.0.0.72:PORT/PATH'] };
  const wired = await openCamera(context, { discoveryPort, address: '127.0.0.71', endpoint, quirks });
  await openCamera(context, { discoveryPort, address: '127.0.0.72', endpoint, quirks });
  // It claims their addresses, and they do not claim its.
  const claims = { xaddrs: [...quirks.xaddrs, 'http://127.0.0.73:PORT/PATH'] };
  await openCamera(context, { discoveryPort, address: '127.0.0.73', endpoint, quirks: claims });
  const { found } = openRegistry(context, discoveryPort);
  await found.scan({ listenMs: 1_500 });
  const places = () => found.list().map(({ address }) => address);
  expect(places()).toHaveLength(2);
  expect(places()).toContain('127.0.0.73');
  expect(found.find(endpoint)).toHaveLength(3);
  await wired.stop({ isSilent: true });
  await found.scan({ listenMs: 1_500 });
  expect(places()).toEqual(['127.0.0.72', '127.0.0.73']);
});

test.concurrent('one of two boards with one identity that misses a search is kept', async (context) => {
  const discoveryPort = await freeUdpPort();
  const endpoint = 'urn:uuid:00000000-0000-0000-0000-000000000002';
  await openCamera(context, { discoveryPort, address: '127.0.0.43', endpoint });
  const lost = await openCamera(context, { discoveryPort, address: '127.0.0.44', endpoint });
  const { found, findings } = openRegistry(context, discoveryPort);
  await found.scan({ listenMs: 1_000 });
  await lost.stop({ isSilent: true });
  await found.scan({ listenMs: 1_000 });
  expect(found.find(endpoint).map(({ address }) => address)).toEqual(['127.0.0.43', '127.0.0.44']);
  await lost.start();
  await found.scan({ listenMs: 1_000 });
  expect(findings.map(({ camera, finding }) => `${camera.address} ${finding}`).slice(2)).toEqual(['127.0.0.44 again']);
});

test.concurrent('a camera whose Hello has no service address is asked for it', async (context) => {
  const discoveryPort = await freeUdpPort();
  const camera = await openCamera(context, {
    discoveryPort,
    address: '127.0.0.45',
    quirks: { isDeafToMulticast: true, leavesOutXaddrsInHello: true },
  });
  const { found, untilFound } = openRegistry(context, discoveryPort);
  found.start();
  await found.scan();
  expect(urls(found)).toEqual([]);
  await camera.hello();
  expect(await untilFound(() => true)).toMatchObject({ finding: 'new', camera: { url: camera.url } });
});

test.concurrent('a camera without multicast is found by its address, also during the search of a range; one range is searched at a time', async (context) => {
  const discoveryPort = await freeUdpPort();
  const camera = await openCamera(context, {
    discoveryPort,
    address: '127.0.2.77',
    quirks: { isDeafToMulticast: true },
  });
  const { found } = openRegistry(context, discoveryPort);
  await found.scan({ listenMs: 1_500 });
  expect(urls(found)).toEqual([]);
  await found.probe('127.0.2.77');
  expect(urls(found)).toEqual([camera.url]);

  const stop = new AbortController();
  const progress: string[] = [];
  const search = found.probe('127.0.2.0/24', {
    signal: stop.signal,
    onProgress: (done, total) => {
      progress.push(`${done} of ${total}`);
      stop.abort();
    },
  });
  await expect(found.probe('127.0.2.0/30')).rejects.toThrow('is being searched');
  await found.probe('127.0.2.77');
  await search;
  expect(progress[0]).toBe('1 of 254');
  await expect(found.probe('8.8.8.8')).rejects.toThrow('private network');
});

test.concurrent('a range is searched while a single address is probed', async (context) => {
  const clock = new FakeClock();
  const { found } = openRegistry(context, await freeUdpPort(), { clock });
  const single = found.probe('127.0.2.1');
  const range = found.probe('127.0.2.0/30');
  await clock.advance(500);
  await clock.advance(800);
  await expect(Promise.all([single, range])).resolves.toHaveLength(2);
});

test.concurrent('a whole range is searched with at most 64 addresses at a time', async (context) => {
  const clock = new FakeClock();
  const { found } = openRegistry(context, await freeUdpPort(), { clock });
  let done = 0;
  const search = found.probe('127.0.3.0/24', {
    onProgress: (count) => {
      done = count;
    },
  });
  await clock.advance(1_299);
  expect(done).toBe(0);
  await clock.advance(1);
  expect(done).toBe(64);
  await clock.advance(3 * 1_300);
  await search;
  expect(done).toBe(254);
});

test('a caller during a running query gets a new one, shared with later callers', async (context) => {
  const clock = new FakeClock();
  const { found } = openRegistry(context, await freeUdpPort(), { clock });
  const ended: string[] = [];
  const scan = (name: string) => found.scan().then(() => ended.push(name));
  void scan('first');
  await clock.advance(200);
  void scan('concurrent');
  await clock.advance(2_000);
  void scan('later');
  void scan('later too');
  await clock.advance(1_800);
  expect(ended).toEqual(['first', 'concurrent']);
  await clock.advance(3_999);
  expect(ended).toHaveLength(2);
  await clock.advance(1);
  expect(ended).toEqual(['first', 'concurrent', 'later', 'later too']);
});

test('the networks are probed at the start, every three minutes while a camera is missing, and else once an hour', async (context) => {
  const port = await freeUdpPort();
  const clock = new FakeClock();
  let isMissing = false;
  const { found } = openRegistry(context, port, { clock, isMissing: () => isMissing });
  let looks = 0;
  const scan = found.scan.bind(found);
  found.scan = (options) => {
    looks += 1;
    return scan(options);
  };
  found.start();
  await clock.advance(59 * 60_000);
  expect(looks).toBe(1);
  await clock.advance(2 * 60_000);
  expect(looks).toBe(2);
  isMissing = true;
  await clock.advance(31 * 60_000);
  expect(looks).toBeGreaterThanOrEqual(9);
  expect(looks).toBeLessThanOrEqual(13);
});

test.concurrent('the background search ends and begins within a minute of a change', async (context) => {
  const clock = new FakeClock();
  let isOff = true;
  const { found } = openRegistry(context, await freeUdpPort(), { clock, isMissing: () => true, isOff: () => isOff });
  let looks = 0;
  const scan = found.scan.bind(found);
  found.scan = (options) => {
    looks += 1;
    return scan(options);
  };
  found.start();
  found.networksChanged();
  await clock.advance(10 * 60_000);
  expect(looks).toBe(0);
  isOff = false;
  await clock.advance(60_000);
  expect(looks).toBe(1);
  isOff = true;
  await clock.advance(30 * 60_000);
  found.networksChanged();
  await clock.advance(1);
  expect(looks).toBe(1);
});

test.concurrent('a port in use is not an error: cameras are found by probes', async (context) => {
  const discoveryPort = await freeUdpPort();
  const taken = createSocket({ type: 'udp4', reuseAddr: false }).bind(discoveryPort, GROUP);
  await new Promise<void>((resolve) => taken.once('listening', resolve));
  context.onTestFinished(() => {
    taken.close();
  });
  const lines: string[] = [];
  const log = Object.assign(Object.create(silentLogger), {
    debug: (_fields: object, text: string) => lines.push(text),
    child: () => log,
  });
  const { found } = openRegistry(context, discoveryPort, { log });
  found.start();
  await context.expect.poll(() => lines).toEqual(['camera announcements cannot be received']);
});

test('a fault while the networks are looked at is logged, and they are looked at again', async (context) => {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  let asked = 0;
  const isMissing = () => {
    asked += 1;
    if (asked === 1) {
      throw new Error('a fault of ours');
    }
    return true;
  };
  const { found } = openRegistry(context, await freeUdpPort(), { clock, log, isMissing, only: ['nowhere'] });
  found.start();
  await clock.advance(4_000);
  expect(found.isScanning).toBe(false);
  await clock.advance(60_000);
  expect(logged).toMatchObject([['error', 'searching for cameras failed', {}]]);
  await clock.advance(120_000);
  expect(found.isScanning).toBe(true);
  await clock.advance(4_000);
});

test('a dropped camera of this machine is logged once, with the next step', async (context) => {
  const [name, info] =
    Object.entries(networkInterfaces())
      .flatMap(([each, infos = []]) => infos.map((one) => [each, one] as const))
      .find(([, { family, internal }]) => family === 'IPv4' && !internal) ?? [];
  if (name === undefined || info === undefined) {
    context.skip('this machine has no network but its own');
    return;
  }
  const port = await freeUdpPort();
  const simulator = createSocket({ type: 'udp4', reuseAddr: true });
  const answering = createSocket('udp4');
  context.onTestFinished(() => {
    simulator.close();
    answering.close();
  });
  answering.bind(0, '127.0.0.31');
  simulator.on('message', (probe, from) => {
    const id = /MessageID>([^<]*)</.exec(probe.toString())?.[1];
    const match =
      '<ProbeMatch><EndpointReference><Address>urn:uuid:a</Address></EndpointReference><Types>dn:NetworkVideoTransmitter</Types>' +
      '<XAddrs>http://127.0.0.31/onvif/device_service</XAddrs></ProbeMatch>';
    const answer = `<Envelope><Header><RelatesTo>${id}</RelatesTo></Header><Body><ProbeMatches>${match}</ProbeMatches></Body></Envelope>`;
    answering.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => {
    simulator.bind({ port, address: GROUP }, () => {
      simulator.addMembership(GROUP, info.address);
      resolve();
    });
  });
  const { log, logged } = keepLogLines();
  const dropping = openRegistry(context, port, { log, includeLoopback: false, only: [name] });
  await dropping.found.scan({ listenMs: 1_000 });
  await dropping.found.scan({ listenMs: 1_000 });
  expect(dropping.found.list()).toEqual([]);
  const phrase = 'camera on this machine is ignored';
  expect(logged.filter(([level, text]) => level === 'info' && text === phrase)).toMatchObject([
    ['info', phrase, { address: '127.0.0.31', hint: expect.stringContaining('PERCH_LOOPBACK_CAMERAS=yes') }],
  ]);
  const taking = openRegistry(context, port, { includeLoopback: true, only: [name] });
  await taking.found.scan({ listenMs: 1_000 });
  expect(urls(taking.found)).toEqual(['http://127.0.0.31/onvif/device_service']);
});
