import { BlockList, isIP, SocketAddress } from 'node:net';
import { systemClock } from '../clock.ts';
import { type Interfaces, systemInterfaces } from './interfaces.ts';

/**
 * Canonical form: lower case, shortest, without zone (`%eth0`); an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, from dual-stack sockets)
 * becomes IPv4. Undefined if it is not an address.
 */
export function canonicalIp(text: string): string | undefined {
  // The usual case on a dual-stack socket.
  const mapped = text.startsWith('::ffff:') ? text.slice('::ffff:'.length) : '';
  if (isIP(mapped) === 4) {
    return mapped;
  }
  const zone = text.indexOf('%');
  const bare = zone < 0 ? text : text.slice(0, zone);
  const family = isIP(bare);
  if (family === 0) {
    return undefined;
  }
  if (family === 4) {
    return bare;
  }
  const { address } = new SocketAddress({ address: bare, family: 'ipv6' });
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/** A peer for logs and the API: `192.0.2.1:4000` or `[2001:db8::1]:4000`, canonical. */
export function shownPeer(address: string, port: number): string {
  const ip = canonicalIp(address) ?? address;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

export interface Endpoint {
  /** Canonical. */
  readonly ip: string;
  readonly port: number;
}

/** Splits the text of `shownPeer`; a host name stays as it is. Port 0: none. */
export function endpointOf(shown: string): Endpoint {
  const [, host = shown, port = '0'] = /^\[?(.*?)\]?:(\d+)$/.exec(shown) ?? [];
  return { ip: canonicalIp(host) ?? host, port: Number(port) };
}

/** Addresses and subnets (`192.168.0.0/16`, `::1`), checked in constant time. */
export class IpList {
  /** Entries that are neither an address nor a subnet, and match nothing. */
  readonly invalid: readonly string[];
  readonly isEmpty: boolean;
  // Separate, because BlockList also checks the mapped address, so IPv4 would match ::/64.
  readonly #v4 = new BlockList();
  readonly #v6 = new BlockList();

  constructor(entries: readonly string[]) {
    this.invalid = entries.filter((entry) => !this.#add(entry.trim()));
    this.isEmpty = entries.length === 0;
  }

  /** @param ip in canonical form */
  has(ip: string): boolean {
    const family = isIP(ip);
    return family !== 0 && (family === 4 ? this.#v4.check(ip, 'ipv4') : this.#v6.check(ip, 'ipv6'));
  }

  #add(entry: string): boolean {
    const [address = '', prefix, ...rest] = entry.split('/');
    const ip = canonicalIp(address);
    if (ip === undefined || rest.length > 0) {
      return false;
    }
    const isV4 = isIP(ip) === 4;
    const [list, family] = isV4 ? ([this.#v4, 'ipv4'] as const) : ([this.#v6, 'ipv6'] as const);
    if (prefix === undefined) {
      list.addAddress(ip, family);
      return true;
    }
    const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (!(bits <= (isV4 ? 32 : 128)) || isV4 !== (isIP(address) === 4)) {
      return false;
    }
    list.addSubnet(ip, bits, family);
    return true;
  }
}

const LOOPBACK = new IpList(['127.0.0.0/8', '::1']);

// RFC 1918, RFC 3927, RFC 4193, RFC 4291 §2.5.6. Not 100.64.0.0/10 (RFC 6598), which other customers of the provider share.
const PRIVATE = new IpList([
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]);

/** @param ip in canonical form */
export const isLoopbackIp = (ip: string): boolean => LOOPBACK.has(ip);

/**
 * Where programs of this box reach a listener.
 * @param ip that it is bound to, or undefined for any, by IPv4 and IPv6
 */
export const localIpOf = (ip: string | undefined): string =>
  ip === undefined || ip === '0.0.0.0' ? '127.0.0.1' : ip === '::' ? '::1' : ip;

/** Loopback counts as private. @param ip in canonical form */
export const isPrivateIp = (ip: string): boolean => PRIVATE.has(ip);

/** Addresses that are not reachable on the internet (IANA's special-purpose registries, multicast), or that contain another address (NAT64, 6to4, Teredo). */
const SPECIAL = new IpList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
  '::/128',
  '::1',
  '64:ff9b::/96',
  'fc00::/7',
  'fe80::/9',
  'ff00::/8',
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
]);

/** Reachable on the internet. @param ip in canonical form */
export const isPublicIp = (ip: string): boolean => isIP(ip) !== 0 && !SPECIAL.has(ip);

/** How long the box's own networks are not read again. */
const OWN_NETWORKS_MS = 10_000;
let ownNetworks: ReadonlySet<string> = new Set();
let ownNetworksUntilMs = Number.NEGATIVE_INFINITY;

/** The first 64 bits of the box's IPv6 addresses. */
export const networksOf = (interfaces: Interfaces): ReadonlySet<string> =>
  new Set(
    Object.values(interfaces).flatMap((addresses = []) =>
      addresses.flatMap(({ address, family }) => (family === 'IPv6' ? [first64(canonicalIp(address) ?? address)] : [])),
    ),
  );

function systemNetworks(): ReadonlySet<string> {
  const nowMs = systemClock.monoMs();
  if (nowMs >= ownNetworksUntilMs) {
    ownNetworks = networksOf(systemInterfaces());
    ownNetworksUntilMs = nowMs + OWN_NETWORKS_MS;
  }
  return ownNetworks;
}

/**
 * Key of limits per address: an address, or the first 64 bits of an IPv6 address of elsewhere, because a subscriber there has that many
 * addresses. In the box's own networks and in private ones each device counts separately. It may change while a client is connected.
 * @param ip canonical
 * @param own networks of the box
 */
export function subscriberOf(ip: string, own: () => ReadonlySet<string> = systemNetworks): string {
  if (isIP(ip) !== 6 || isPrivateIp(ip)) {
    return ip;
  }
  const network = first64(ip);
  return own().has(network) ? ip : `${network}::/64`;
}

function first64(ip: string): string {
  const [head = '', tail] = ip.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return groups.slice(0, 4).join(':');
}

/** RFC 6874, `http://[fe80::1%25eth0]/`; a plain `%` is common. */
const ZONED = /^([^/]*\/\/(?:[^/]*@)?\[fe[89ab][\da-f:.]*)%(?:25)?([\w.~-]{1,32})\]/i;

/** Removes the zone of a link-local host, which names the network interface: `URL` does not support it. */
export const withoutZone = (url: string): string => url.replace(ZONED, '$1]');

export const zoneOf = (url: string): string | undefined => ZONED.exec(url)?.[2];

/** The URL with a zone added to its link-local host. */
export const zonedUrl = (url: URL, zone: string | undefined): string =>
  zone === undefined ? url.href : url.href.replace(/^([^[]*\[[^\]]*)\]/, `$1%25${zone}]`);

/** Names of interfaces that are bridges of containers or tunnels. */
const VIRTUAL = /^(docker|veth|br-[0-9a-f]{12}$|virbr|cni|flannel|cali|tun|tap|wg|perch-wg|tailscale|zt|ppp)/;

/** Whether an interface belongs to containers or a tunnel: no camera or phone is on it, and a VPN should not be scanned. @param name of a network interface */
export const isVirtualInterface = (name: string): boolean => VIRTUAL.test(name);
