import { existsSync, readFileSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The network for cameras, as root's service reports it. */
export interface CameraNetworkState {
  readonly interface: string;
  /** Address of this box in that network. */
  readonly address: string;
  /** Why the service assigns no addresses there at present, or undefined if it does. */
  readonly fault: string | undefined;
}

/** The folder in which root's service writes. */
export const SERVICE_FOLDER = '/run/perch-host';
export const STATE_FILE = 'camera-network';

interface Lease {
  readonly mac: string;
  readonly address: string;
  /** Name by which the device calls itself. */
  readonly name: string | undefined;
  /** Unix seconds. */
  readonly endsS: number;
}

interface Release {
  readonly mac: string;
  /** Unix seconds. */
  readonly untilS: number;
}

interface EthernetPort {
  readonly name: string;
  readonly mac: string;
  /** Whether a cable is plugged in. */
  readonly isConnected: boolean;
  /** Why the port cannot be used for cameras, or undefined if no obstacle is known here (root's service checks more). */
  readonly obstacle: 'wifi' | 'bridge' | 'defaultRoute' | undefined;
}

/** Duration of a lease: `--dhcp-range` of packaging/linux/camera-network. */
export const LEASE_S = 3_600;
const MAX_FILE_BYTES = 65_536;
const MAX_LEASES = 256;
/** Ethernet, in the kernel's list of hardware types. */
const ETHERNET = '1';
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const INTERFACE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;

/** Debian's packages and their programs that the service needs. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  'dnsmasq-base': ['dnsmasq'],
  nftables: ['nft'],
  udhcpc: ['udhcpc', 'busybox'],
};
const PROGRAMS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** @returns Debian's packages that have to be installed */
export function missingPackages(folders: readonly string[] = PROGRAMS): string[] {
  const isThere = (program: string) => folders.some((folder) => existsSync(join(folder, program)));
  return Object.entries(NEEDED).flatMap(([name, programs]) => (programs.some(isThere) ? [] : [name]));
}

/** @returns undefined for anything but a state that the service has written */
export function parseNetworkState(text: string): CameraNetworkState | undefined {
  try {
    const { interface: name, address, fault } = JSON.parse(text);
    return INTERFACE.test(name) && IPV4.test(address) && typeof fault === 'string'
      ? { interface: name, address, fault: fault === '' ? undefined : fault }
      : undefined;
  } catch {
    return undefined;
  }
}

/** @returns the box's address in the network for cameras, or undefined if there is none, or it assigns no addresses */
export function cameraNetworkAddress(folder = SERVICE_FOLDER): string | undefined {
  try {
    const now = parseNetworkState(readFileSync(join(folder, STATE_FILE), 'utf8'));
    return now?.fault === undefined ? now?.address : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a host is in the network for cameras, which has a prefix of 24 bits. @param address of the box there */
export const isInCameraNetwork = (host: string, address: string | undefined): boolean =>
  address !== undefined && IPV4.test(host) && netOf(host) === netOf(address);

const netOf = (address: string): string => address.slice(0, address.lastIndexOf('.'));

/** dnsmasq's file of leases: end, MAC address, address, name or `*`, client id. The device chooses its name. */
export function parseLeases(text: string): Lease[] {
  return text.split('\n', MAX_LEASES).flatMap((line) => {
    const [end = '', mac = '', address = '', name = '*'] = line.split(' ');
    return /^\d{1,12}$/.test(end) && MAC.test(mac) && IPV4.test(address)
      ? [{ mac, address, name: /^[\w.-]{1,63}$/.test(name) ? name : undefined, endsS: Number(end) }]
      : [];
  });
}

export function parseReleases(text: string): Release[] {
  return text.split('\n', MAX_LEASES).flatMap((line) => {
    const [mac = '', , until = ''] = line.split(' ');
    return MAC.test(mac) && /^\d{1,12}$/.test(until) ? [{ mac, untilS: Number(until) }] : [];
  });
}

/** The machine's Ethernet ports, from sysfs. */
export async function ethernetPorts(sys = '/sys/class/net', proc = '/proc/net'): Promise<EthernetPort[]> {
  const routed = defaultRoutes(await readOr(join(proc, 'route')), await readOr(join(proc, 'ipv6_route')));
  const names = (await readdir(sys).catch(() => [])).filter((name) => INTERFACE.test(name) && name !== 'lo').sort();
  const ports = await Promise.all(
    names.map(async (name): Promise<EthernetPort[]> => {
      const has = (what: string) => existsSync(join(sys, name, what));
      const read = async (what: string) => (await readOr(join(sys, name, what))).trim();
      const isMember = has('master');
      // Bridges and bonds are no ports; a virtual port that belongs to one is a container's.
      if ((await read('type')) !== ETHERNET || has('bridge') || has('bonding') || (isMember && !has('device'))) {
        return [];
      }
      const isWifi = has('wireless') || has('phy80211');
      const obstacle = isWifi ? 'wifi' : isMember ? 'bridge' : routed.has(name) ? 'defaultRoute' : undefined;
      return [{ name, mac: await read('address'), isConnected: (await read('carrier')) === '1', obstacle }];
    }),
  );
  return ports.flat();
}

/** Interfaces of default routes, from /proc/net/route and /proc/net/ipv6_route. */
export function defaultRoutes(route: string, ipv6Route: string): Set<string> {
  const names = new Set<string>();
  for (const line of route.split('\n').slice(1)) {
    const [name, destination, , , , , , mask] = line.split(/\s+/);
    if (name && destination === '00000000' && mask === '00000000') {
      names.add(name);
    }
  }
  for (const line of ipv6Route.split('\n')) {
    const [destination, prefix, , , , , , , , name] = line.trim().split(/\s+/);
    // The kernel keeps a default route on the loopback interface that rejects packets.
    if (name && name !== 'lo' && prefix === '00' && /^0{32}$/.test(destination ?? '')) {
      names.add(name);
    }
  }
  return names;
}

/** The first `MAX_FILE_BYTES` of a file; empty if it cannot be read. */
export async function readOr(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    const bytes = Buffer.alloc(MAX_FILE_BYTES);
    const { bytesRead } = await file.read(bytes).finally(() => file.close());
    return bytes.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  }
}
