import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scan } from '../../peers/host/camera-network.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { PerchMachine } from './perch-machine.ts';
import type { Switch } from './switch.ts';

const PACKAGES = ['dnsmasq-base', 'nftables', 'udhcpc', 'openssh-server'];
const [HOUSE, CAMERAS, OTHER] = ['52:54:00:00:00:01', '52:54:00:00:00:02', '52:54:00:00:00:03'];

/** TCP ports of well-known services. */
const SERVICES = [21, 22, 23, 53, 80, 123, 443, 554, 1935, 5355, 8080, 8443, 8554, 8888, 8889, 8890, 9996, 9997, 9998];

/** Names of its ports; the third leads to QEMU's own network, which has a DHCP server. */
export interface Ports {
  readonly house: string;
  readonly cameras: string;
  readonly other: string;
}

/** A box with three ports, of which systemd-networkd asks for addresses at the first two. */
export function bootWithPorts(house: Switch, cameras: Switch, dns: string): Promise<PerchMachine> {
  return PerchMachine.boot({
    packages: PACKAGES,
    cards: [
      ...house.card(HOUSE),
      ...cameras.card(CAMERAS),
      ...['-nic', `user,net=192.168.50.0/24,model=virtio-net-pci,mac=${OTHER}`],
    ],
    prepare: async (root) => {
      const network = ['[Match]', `MACAddress=${HOUSE} ${CAMERAS}`, '[Network]', 'DHCP=ipv4'];
      mkdirSync(join(root, 'etc/systemd/network'), { recursive: true });
      writeFileSync(join(root, 'etc/systemd/network/20-ports.network'), `${network.join('\n')}\n`);
      rmSync(join(root, 'etc/resolv.conf'), { force: true });
      writeFileSync(join(root, 'etc/resolv.conf'), `nameserver ${dns}\n`);
      await runProcess('chroot', [root, 'systemctl', 'enable', 'systemd-networkd']);
    },
  });
}

export async function portsOf({ machine }: PerchMachine): Promise<Ports> {
  const port = (mac: string) => machine.must(`basename "$(dirname "$(grep -l ${mac} /sys/class/net/*/address)")"`);
  return { house: await port(HOUSE), cameras: await port(CAMERAS), other: await port(OTHER) };
}

/** Scans a host from that network. @returns the TCP ports that accept or refuse a connection; a firewall's ports do neither */
export const answering = ({ name }: Switch, host: string, ports: readonly number[]): Promise<number[]> =>
  // An emulated machine takes its time.
  scan(['ip', 'netns', 'exec', name], 'tcp', host, ports, 10_000);

/** Ports of all programs of the box that listen, and of well-known services. */
export async function portsToTry({ machine }: PerchMachine): Promise<number[]> {
  const listening = await machine.must(`ss -Hltn | awk '{ print $4 }' | sed 's/.*://'`);
  return [...new Set([...listening.split('\n').map(Number), ...SERVICES])].sort((a, b) => a - b);
}

/** How far the box's clock is ahead of the host's: bounds, because the command takes time. */
export async function clockOf({ machine }: PerchMachine): Promise<{ minMs: number; maxMs: number }> {
  const asked = Date.now();
  const its = Number(await machine.must('date +%s%3N'));
  return { minMs: its - Date.now(), maxMs: its - asked };
}

/** Asks a time server by an NTP client in that network. @returns milliseconds by which it is ahead of the host's clock */
export async function timeServerClock({ name }: Switch, server: string): Promise<number> {
  const command = ['chronyd', '-Q', '-u', 'root', '-t', '120', `server ${server} iburst`];
  const { output } = await runProcess('ip', ['netns', 'exec', name, ...command]);
  const aheadS = /System clock wrong by (-?[\d.]+) seconds/.exec(output)?.[1];
  if (aheadS === undefined) {
    throw new Error(`no time: ${output}`);
  }
  return Number(aheadS) * 1_000;
}
