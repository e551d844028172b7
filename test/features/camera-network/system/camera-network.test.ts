import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CameraNetworkAnswer } from '../../../../agent/features/camera-network/routes.ts';
import { type FarCamera, startOnvifCameraIn } from '../../../peers/cameras/onvif-camera.ts';
import { askForLease } from '../../../peers/host/camera-network.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../../peers/programs/process.ts';
import {
  answering,
  bootWithPorts,
  clockOf,
  type Ports,
  portsOf,
  portsToTry,
  timeServerClock,
} from '../../../system/machine/camera-machine.ts';
import { HEALTHY, type PerchMachine } from '../../../system/machine/perch-machine.ts';
import { openSwitch, type Switch } from '../../../system/machine/switch.ts';

const HOUSE = '192.168.77.1';
/** A host outside the house, which the house's DNS knows by name. */
const INTERNET = '9.9.9.9';
const INTERNET_NAME = 'update.example';
/** The camera's; a bridge has that of one of its ports otherwise. */
const MAC = '02:00:00:00:00:07';
const HOUR_MS = 3_600_000;
const PROFILE = { token: 'main', name: 'main', codec: 'H264', stream: 'main' } as const;
/** Little for an emulated machine to receive. */
const SMALL = { ...PROFILE, width: 320, height: 180, fps: 5, group: 10, kbitPerSecond: 200 };
/** A busy host makes the machine slow. */
const MAX_START_MS = 1_800_000;
const SLOW = { timeout: 600_000 };
/** How often a camera asks before it gives up. */
const PATIENT = { tries: 60, pauseS: 5 };

const PEERS = ['root', 'qemu', 'mmdebstrap', 'dpkg-deb', 'dnsmasq', 'udhcpc', 'chrony', 'busybox'] as const;

describeWith(PEERS, 'a booted machine with three ports', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-ports-'));
  let house: Switch;
  let cameras: Switch;
  let router: RunningProcess;
  let device: FarCamera | undefined;
  let box: PerchMachine;
  let ports: Ports;
  let before: Awaited<ReturnType<typeof parts>>;
  /** Addresses in the network for cameras. */
  const address = { box: '', camera: '' };
  let addressInHouse: string;
  let tried: readonly number[];
  let recordings: string;

  const state = () => box.ask<CameraNetworkAnswer>('GET', 'camera-network');
  const choose = (port: string | null) =>
    box.asked<{ error: string; why: string }>('PUT', 'camera-network', { interface: port });
  /** All that a network for cameras consists of. */
  const parts = async () => ({
    programs: await box.machine.must('pgrep -c dnsmasq || true'),
    tables: await box.machine.must('nft list tables'),
    files: await box.machine.must(
      'find /var/lib/perch-cameras /run/perch-cameras /run/perch-host/camera* /run/systemd/network -type f 2> /dev/null || true',
    ),
    forwarding: await box.machine.must(`cat /proc/sys/net/ipv4/conf/{${ports.house},${ports.cameras}}/forwarding`),
    addresses: await box.machine.must(`ip -4 -o addr show dev ${ports.cameras}`),
  });
  /** The network is there, and its address, names and time are served. */
  const serves = async () => {
    await expect.poll(state, SLOW).toMatchObject({ interface: ports.cameras, fault: null, time: true });
    await box.machine.until('[ "$(pgrep -c dnsmasq)" = 2 ]');
  };
  /** TCP ports that answer the camera, those of the camera that answer the house, and whether it can look up a name. */
  const reached = async () => {
    const { port = 0, rtspPort = 0 } = device?.report ?? {};
    const lookUp = `busybox nslookup -type=a ${INTERNET_NAME} ${address.box} || true`;
    const [said, ofCamera, ofBox, ofBoxInHouse, ofHouse, ofInternet] = await Promise.all([
      cameras.must(lookUp),
      answering(house, address.camera, [80, port, rtspPort]),
      ...[address.box, addressInHouse, HOUSE, INTERNET].map((host) => answering(cameras, host, tried)),
    ]);
    return { ofBox, ofBoxInHouse, ofHouse, ofInternet, ofCamera, names: said.includes(INTERNET) };
  };
  const SHUT = { ofBox: [53], ofBoxInHouse: [], ofHouse: [], ofInternet: [], ofCamera: [], names: false };

  beforeAll(async () => {
    house = await openSwitch();
    cameras = await openSwitch();
    await house.must(`ip addr add ${HOUSE}/24 dev eth0 && ip addr add ${INTERNET}/32 dev eth0`);
    await cameras.must(`ip link set eth0 address ${MAC}`);
    const dnsmasq = ['dnsmasq', '-k', '--conf-file=/dev/null', '--pid-file=', '--log-facility=-', '--no-resolv'];
    const dhcp = ['--dhcp-range=192.168.77.50,192.168.77.99', `--dhcp-leasefile=${join(folder, 'leases')}`];
    const at = ['--interface=eth0', '--bind-interfaces', `--address=/${INTERNET_NAME}/${INTERNET}`];
    router = startProcess('ip', ['netns', 'exec', house.name, ...dnsmasq, ...at, ...dhcp]);
    await router.waitFor(/DHCP, IP range/);
    box = await bootWithPorts(house, cameras, HOUSE);
    await box.install();
    ports = await portsOf(box);
    await box.machine.until(`ip -4 route show default | grep -w ${ports.house}`);
    addressInHouse = await box.machine.must(
      `ip -4 -br addr show dev ${ports.house} | awk '{ print $3 }' | cut -d / -f 1`,
    );
    before = await parts();
  }, MAX_START_MS);
  afterAll(async () => {
    await device?.[Symbol.asyncDispose]();
    await router?.stop();
    await box?.[Symbol.asyncDispose]();
    await cameras?.[Symbol.asyncDispose]();
    await house?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test('has none for cameras, and neither the way to the internet nor one with another DHCP server can be', async () => {
    expect(before).toEqual({ programs: '0', tables: '', files: '', forwarding: '0\n0', addresses: '' });
    expect(await state()).toMatchObject({ supported: true, missing: [], interface: null, cameras: [] });

    expect(await choose(ports.house)).toMatchObject({ status: 400, answer: { why: 'defaultRoute' } });
    const other = await choose(ports.other);
    expect(other).toMatchObject({ status: 400, answer: { why: 'dhcpServer' } });
    expect(other.answer.error).toContain('the DHCP server 192.168.50.2 answers there');
    expect(await box.machine.must(`ip -br link show dev ${ports.other}`)).toContain('DOWN');
    expect(await parts()).toEqual(before);
  });

  test('gives a camera on the chosen port an address and the time of the box', async () => {
    expect((await choose(ports.cameras)).status).toBe(200);
    await serves();
    const lease = await askForLease(cameras.name, folder, PATIENT);
    const own = (await state()).address ?? '';
    expect(lease).toMatchObject({ router: own, dns: own, ntp: own });
    Object.assign(address, { box: own, camera: lease['address'] });
    const [seen] = (await state()).cameras;
    expect(seen).toMatchObject({ mac: MAC, address: address.camera, path: null, releasedUntil: null });

    const earlier = await clockOf(box);
    const serverAheadMs = await timeServerClock(cameras, own);
    const later = await clockOf(box);
    expect(serverAheadMs).toBeLessThan(earlier.maxMs + 5_000);
    expect(serverAheadMs).toBeGreaterThan(later.minMs - 5_000);
    const agoMs = Date.now() + later.maxMs - Date.parse(seen?.lastSeen ?? '');
    expect(agoMs).toBeGreaterThanOrEqual(0);
    expect(agoMs).toBeLessThan(600_000);
  });

  test('finds that camera, adopts it, sets its clock and records it', async () => {
    const quirks = { clockOffsetMs: -HOUR_MS };
    device = await startOnvifCameraIn(cameras, { address: address.camera, profiles: [SMALL], quirks });
    const { endpoint } = device.report;
    const found = await box.ask<{ items: object[] }>('POST', 'cameras/discover?wait=yes');
    expect(found.items).toEqual([
      expect.objectContaining({ endpoint, foundFrom: address.box, onCameraNetwork: true, path: null }),
    ]);
    const body = { cameras: [{ endpoint }] };
    const adopted = await box.ask<{ items: { path: string }[] }>('POST', 'cameras/adopt', body);
    const path = adopted.items[0]?.path ?? '';
    expect((await state()).cameras).toEqual([expect.objectContaining({ mac: MAC, path })]);

    const { camera } = await box.ask<{ camera: object }>('GET', `config/paths/get/${path}`);
    await box.ask('PATCH', `config/paths/patch/${path}`, { camera: { ...camera, setClock: true } });
    await expect.poll(() => device?.tell(), SLOW).toMatchObject({ ntpServer: address.box });
    const { clockOffsetMs = 0 } = (await device.tell()) ?? {};
    expect(clockOffsetMs).toBeGreaterThan((await clockOf(box)).minMs - 5_000);
    recordings = `/var/lib/perch/recordings/${path}`;
    await box.goesOn(recordings);
  });

  test('lets nothing through between cameras and the house or the internet, nor to its own services', async () => {
    tried = await portsToTry(box);
    expect(tried).toEqual(expect.arrayContaining([22, 80, 8_554, 8_888, 8_889, 9_997]));
    await house.must(
      `ip route add ${address.box}/32 via ${addressInHouse} && ip route add ${address.camera}/32 via ${addressInHouse}`,
    );
    // The firewall alone, as on a box that is a router.
    await box.machine.must('echo 1 > /proc/sys/net/ipv4/conf/all/forwarding');
    expect(await reached()).toEqual(SHUT);

    await box.machine.must('nft delete table inet perch_cameras');
    const { port, rtspPort } = device?.report ?? {};
    const open = { ofBox: tried, ofBoxInHouse: tried, ofHouse: tried, ofInternet: tried };
    expect(await reached()).toMatchObject({ ...open, ofCamera: expect.arrayContaining([80, port, rtspPort]) });

    await box.machine.must('systemctl restart perch-camera-network.service');
    await serves();
    expect(await reached()).toEqual(SHUT);
    await box.machine.must('echo 0 > /proc/sys/net/ipv4/conf/all/forwarding');
  });

  test('lets a released camera reach the internet, not the house, until that is ended', async () => {
    await box.ask('POST', 'camera-network/release', { mac: MAC });
    // The camera also reaches the box's DNS for the internet, which answers in the place of any other DNS, too.
    const dns = [53, 10_053];
    expect(await reached()).toEqual({
      ...{ ofBox: dns, ofBoxInHouse: dns, ofHouse: [53], ofInternet: tried, ofCamera: [], names: true },
    });
    await box.ask('POST', 'camera-network/withdraw', { mac: MAC });
    expect(await reached()).toEqual(SHUT);
  });

  test(
    'has all of it again after a restart of Perch and after a power cut',
    async () => {
      await box.machine.must('systemctl restart perch.service');
      await box.machine.until(HEALTHY);
      await serves();
      await box.goesOn(recordings);
      expect(await reached()).toEqual(SHUT);

      await box.machine.powerCut();
      await box.machine.boot();
      expect(await reached()).toMatchObject({ ...SHUT, ofBox: expect.any(Array) });
      await box.machine.until(HEALTHY);
      await serves();
      expect((await state()).cameras).toMatchObject([{ mac: MAC, address: address.camera }]);
      expect(await askForLease(cameras.name, folder, PATIENT)).toMatchObject({ address: address.camera });
      await box.goesOn(recordings);
      expect(await reached()).toEqual(SHUT);
    },
    MAX_START_MS,
  );

  test('leaves nothing behind when it is turned off', async () => {
    expect((await choose(null)).status).toBe(200);
    expect(await state()).toMatchObject({ interface: null, address: null, time: false, cameras: [] });
    expect(await parts()).toEqual(before);
  });
});
