import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from '../../peers/programs/process.ts';
import { PerchMachine } from './perch-machine.ts';
import type { Switch } from './switch.ts';

const PACKAGES = ['dnsmasq-base', 'nftables', 'udhcpc', 'openssh-server'];
const [HOUSE, CAMERAS, OTHER] = ['52:54:00:00:00:01', '52:54:00:00:00:02', '52:54:00:00:00:03'];

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
