import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CameraNetworkAnswer } from '../../../../agent/features/camera-network/routes.ts';
import type { PathStatus } from '../../../../agent/paths/path-status.ts';
import { until } from '../../../peers/agent/agent.ts';
import { startOnvifCameraIn } from '../../../peers/cameras/onvif-camera.ts';
import { openCameraNetwork } from '../../../peers/host/camera-network.ts';
import { linkLocal } from '../../../peers/host/namespace.ts';
import { byLength, describeWith } from '../../../peers/programs/peers.ts';

const HOUR_MS = 3_600_000;
const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
/** Of Perch, of the network for cameras, and of well-known programs. */
const KNOWN = [
  ...[1_935, 1_936, 7_000, 8_000, 8_001, 8_002, 8_003, 8_004, 8_005, 8_080, 8_189, 8_322, 8_443, 8_554, 8_600, 8_888],
  ...[8_889, 8_890, 8_892, 8_893, 9_996, 9_997, 9_998, 9_999, 10_053, 2_049, 3_306, 3_389, 5_060, 5_353, 5_900, 6_379],
];
/** All, or those of services and the known ones. */
const PORTS = byLength([...upTo(1_024), ...KNOWN], upTo(65_535));
/** For each address over IPv6. */
const SOME = upTo(65_535).filter((port) => port < 100 || port % 1_000 === 0 || port === 8_554);
/** Prints the texts that reach it. */
const LISTEN = `require('node:dgram').createSocket({ type: 'udp6', ipv6Only: false })
  .on('message', (text, { address }) => console.log('got ' + text + ' from ' + address)).bind(5000, () => console.log('ready'))`;
/** From an address that may be another's: PORT ADDRESS, text, own address. */
const SEND = `const [to, text, from] = process.argv.slice(1);
  const socket = require('node:dgram').createSocket('udp4');
  socket.bind(0, from, () => socket.send(text, 5000, to, () => socket.close()))`;

describeWith(['namespaces', 'dnsmasq', 'nft', 'udhcpc', 'busybox'], 'cameras in the network for cameras', () => {
  let net: Awaited<ReturnType<typeof openCameraNetwork>>;
  let box: string;
  let camera: string;
  const state = async () => (await net.ask<CameraNetworkAnswer>('GET')).body;
  const inCamera = async (...words: readonly string[]) => {
    const { code, output } = await net.inCamera(...words);
    expect(code, `${words.join(' ')}: ${output}`).toBe(0);
  };

  beforeAll(async () => {
    net = await openCameraNetwork();
    expect((await net.ask('PUT', '', { interface: 'cam0' })).status).toBe(200);
    await until(async () => ((await state()).time ? true : undefined));
    ({ router: box = '', address: camera = '' } = await net.lease());
  }, 90_000);
  afterAll(() => net[Symbol.asyncDispose]());

  test('one is found, adopted, set to the time of the box, and followed to another address', async () => {
    const quirks = { clockOffsetMs: -HOUR_MS };
    await using device = await startOnvifCameraIn({ name: net.cameraNet }, { address: camera, quirks });
    const { endpoint } = device.report;
    const { body } = await net.call<{ items: readonly object[] }>('POST', 'cameras/discover?wait=yes');
    expect(body.items).toEqual([
      expect.objectContaining({ endpoint, address: camera, foundFrom: box, onCameraNetwork: true, path: null }),
    ]);
    const adopted = await net.call<{ items: readonly { path: string }[] }>('POST', 'cameras/adopt', {
      cameras: [{ endpoint }],
    });
    const path = adopted.body.items[0]?.path ?? '';
    expect((await state()).cameras).toEqual([expect.objectContaining({ address: camera, path })]);

    const config = async () => (await net.call<{ camera: object }>('GET', `config/paths/get/${path}`)).body.camera;
    await net.call('PATCH', `config/paths/patch/${path}`, { camera: { ...(await config()), setClock: true } });
    await expect.poll(() => device.tell(), { timeout: 30_000 }).toMatchObject({ ntpServer: box });
    expect(Math.abs((await device.tell()).clockOffsetMs)).toBeLessThan(5_000);

    const isReady = async () => (await net.call<PathStatus>('GET', `paths/get/${path}`)).body.ready;
    await expect.poll(isReady, { timeout: 30_000 }).toBe(true);
    const moved = camera.replace(/\d+$/, '77');
    await inCamera('ip', 'addr', 'add', `${moved}/24`, 'dev', 'eth0');
    await device.tell(`move ${moved}`);
    await expect.poll(config, { timeout: 60_000 }).toMatchObject({ onvif: expect.stringContaining(moved) });
    await expect.poll(isReady, { timeout: 30_000 }).toBe(true);
    await inCamera('ip', 'addr', 'del', `${moved}/24`, 'dev', 'eth0');
  }, 180_000);

  test('one that tries every port of the box finds DNS alone', async () => {
    await net.inBox('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    const ports = [...new Set([...PORTS, net.perchPort])];
    const scans = [net.scan('tcp', box, ports), net.scan('tcp', net.box.ip, ports), net.scan('udp', box, ports)];
    // Bytes that are no query get no answer from DNS, DHCP and NTP either; a closed port would refuse them.
    expect(await Promise.all(scans)).toEqual([[53], [], []]);
    // Without a firewall it finds more.
    expect(await net.scanFromHouse('tcp', net.box.ip, [net.perchPort])).toEqual([net.perchPort]);
    expect(await net.scanFromHouse('udp', net.box.ip, [9])).toEqual([9]);
  }, 240_000);

  test('one with the address of a device of the house, or of a released camera, reaches nothing', async () => {
    const ofHouse = net.box.hostIp.replace(/\d+$/, '77');
    const here = net.startHere(process.execPath, '-e', LISTEN);
    const there = net.startIn(net.box.name, process.execPath, '-e', LISTEN);
    await Promise.all([here.waitFor(/ready/), there.waitFor(/ready/)]);
    // The firewall alone: without the kernel's check of source addresses.
    await net.inBox('sh', '-c', 'for one in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $one; done');
    await net.inBox('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    await inCamera('ip', 'addr', 'add', `${ofHouse}/32`, 'dev', 'eth0');
    for (const to of [box, net.box.ip, net.box.hostIp, net.internet]) {
      await inCamera(process.execPath, '-e', SEND, to, 'spoofed', ofHouse);
      await inCamera(process.execPath, '-e', SEND, to, 'plain', camera);
    }
    // Sent later, so whatever the firewall lets through is there before.
    await net.inBox(process.execPath, '-e', SEND, net.box.hostIp, 'allowed', net.box.ip);
    await net.inBox(process.execPath, '-e', SEND, box, 'own', box);
    await Promise.all([here.waitFor(/got allowed/), there.waitFor(/got own/)]);
    expect(here.output() + there.output()).not.toMatch(/spoofed|plain/);

    // A release is for one camera at its address.
    const [seen] = (await state()).cameras;
    expect((await net.ask('POST', '/release', { mac: seen?.mac })).status).toBe(200);
    const other = camera.replace(/\d+$/, '88');
    await inCamera('ip', 'addr', 'add', `${other}/24`, 'dev', 'eth0');
    for (const from of [other, ofHouse]) {
      await inCamera(process.execPath, '-e', SEND, net.internet, 'spoofed', from);
    }
    await inCamera(process.execPath, '-e', SEND, net.internet, 'released', camera);
    await here.waitFor(/got released/);
    expect(here.output()).not.toMatch(/spoofed|plain/);
    await net.ask('POST', '/withdraw', { mac: seen?.mac });
  }, 90_000);

  test('nothing passes over IPv6, within the network or routed, in either direction', async () => {
    const [ofBox, ofCamera] = await Promise.all([
      linkLocal(['-n', net.box.name], 'cam0'),
      linkLocal(['-n', net.cameraNet], 'eth0'),
    ]);
    // Routes and hardware addresses as a misled administrator would set them: discovery of neighbours stops at the firewall.
    const macs = { box: '', camera: '' };
    macs.box = (await net.inBox('cat', '/sys/class/net/cam0/address')).trim();
    macs.camera = (await net.inCamera('cat', '/sys/class/net/eth0/address')).output.trim();
    const inBox = (command: string) => net.inBox('sh', '-c', command);
    await inBox('echo 1 > /proc/sys/net/ipv6/conf/all/forwarding');
    await inBox(`ip addr add fd00:9::1/64 dev cam0 nodad; ip addr add fd00:8::2/64 dev ${net.box.farInterface} nodad`);
    await inBox(`for a in fd00:9::20 ${ofCamera}; do ip neigh replace $a lladdr ${macs.camera} dev cam0; done`);
    await inCamera(
      'sh',
      '-c',
      `ip addr add fd00:9::20/64 dev eth0 nodad; ip -6 route add default via fd00:9::1 dev eth0
      for a in fd00:9::1 ${ofBox}; do ip neigh replace $a lladdr ${macs.box} dev eth0; done`,
    );
    for (const words of [
      `addr add fd00:8::1/64 dev ${net.box.hostInterface} nodad`,
      'route add fd00:9::/64 via fd00:8::2',
    ]) {
      expect(await net.startHere('ip', '-6', ...words.split(' ')).exited).toBe(0);
    }
    const web = net.startIn(net.cameraNet, 'busybox', 'nc', '-lk', '-p', '80', '-e', 'echo');
    expect(await net.fromBox('fd00:8::1', net.port)).toBe('reached');
    expect(await net.fromHouse('fd00:8::2', net.perchPort)).toBe('reached');

    const scans = [`${ofBox}%eth0`, 'fd00:9::1', 'fd00:8::2'].flatMap((host) =>
      (['tcp', 'udp'] as const).map(async (protocol) => {
        expect(await net.scan(protocol, host, [...SOME, net.perchPort]), `${protocol} ${host}`).toEqual([]);
      }),
    );
    await Promise.all(scans);
    const tries = [net.fromCamera('fd00:8::1', net.port), net.fromHouse('fd00:9::20', 80)];
    expect(await Promise.all(tries)).toEqual(['silent', 'silent']);

    // Without the firewall all of that is reached.
    await net.inBox('nft', 'delete', 'table', 'inet', 'perch_cameras');
    expect(await net.scan('tcp', `${ofBox}%eth0`, [net.perchPort])).toEqual([net.perchPort]);
    expect(await net.fromCamera('fd00:8::1', net.port)).toBe('reached');
    expect(await net.fromHouse('fd00:9::20', 80)).toBe('reached');
    await web.stop();
  }, 120_000);
});
