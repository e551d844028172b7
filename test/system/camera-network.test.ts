import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CameraNetworkAnswer } from '../../agent/http/api/cameras/camera-network-routes.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../peers/programs/process.ts';
import { bootWithPorts, type Ports, portsOf } from './machine/camera-machine.ts';
import type { PerchMachine } from './machine/perch-machine.ts';
import { openSwitch, type Switch } from './machine/switch.ts';

const HOUSE = '192.168.77.1';
/** A busy host makes the machine slow. */
const MAX_START_MS = 1_800_000;

describeWith(['root', 'qemu', 'mmdebstrap', 'dpkg-deb', 'dnsmasq'], 'a booted machine with three ports', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-ports-'));
  let house: Switch;
  let cameras: Switch;
  let router: RunningProcess;
  let box: PerchMachine;
  let ports: Ports;

  const state = () => box.ask<CameraNetworkAnswer>('GET', 'camera-network');
  const choose = (port: string) =>
    box.asked<{ error: string; why: string }>('PUT', 'camera-network', { interface: port });
  /** All that a network for cameras consists of. */
  const parts = async () => ({
    programs: await box.machine.must('pgrep -c dnsmasq || true'),
    tables: await box.machine.must('nft list tables'),
    files: await box.machine.must('find /var/lib/perch-cameras /run/perch-cameras -type f 2> /dev/null || true'),
    forwarding: await box.machine.must(`cat /proc/sys/net/ipv4/conf/{${ports.house},${ports.cameras}}/forwarding`),
  });

  beforeAll(async () => {
    house = await openSwitch();
    cameras = await openSwitch();
    await house.must(`ip addr add ${HOUSE}/24 dev eth0`);
    const dnsmasq = ['dnsmasq', '-k', '--conf-file=/dev/null', '--pid-file=', '--log-facility=-', '--no-resolv'];
    const dhcp = ['--dhcp-range=192.168.77.50,192.168.77.99', `--dhcp-leasefile=${join(folder, 'leases')}`];
    const at = ['--interface=eth0', '--bind-interfaces'];
    router = startProcess('ip', ['netns', 'exec', house.name, ...dnsmasq, ...at, ...dhcp]);
    await router.waitFor(/DHCP, IP range/);
    box = await bootWithPorts(house, cameras, HOUSE);
    await box.install();
    ports = await portsOf(box);
    await box.machine.until(`ip -4 route show default | grep -w ${ports.house}`);
  }, MAX_START_MS);
  afterAll(async () => {
    await router?.stop();
    await box?.[Symbol.asyncDispose]();
    await cameras?.[Symbol.asyncDispose]();
    await house?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test('has none for cameras, and neither the way to the internet nor one with another DHCP server can be', async () => {
    const before = await parts();
    expect(before).toEqual({ programs: '0', tables: '', files: '', forwarding: '0\n0' });
    expect(await state()).toMatchObject({ supported: true, missing: [], interface: null, cameras: [] });

    expect(await choose(ports.house)).toMatchObject({ status: 400, answer: { why: 'defaultRoute' } });
    const other = await choose(ports.other);
    expect(other).toMatchObject({ status: 400, answer: { why: 'dhcpServer' } });
    expect(other.answer.error).toContain('the DHCP server 192.168.50.2 answers there');
    expect(await box.machine.must(`ip -br link show dev ${ports.other}`)).toContain('DOWN');
    expect(await parts()).toEqual(before);
  });
});
