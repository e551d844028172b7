import { readFile } from 'node:fs/promises';
import { BlockList, SocketAddress } from 'node:net';
import { type Interfaces, systemInterfaces } from '../../../base/network/interfaces.ts';
import { isPublicIp } from '../../../base/network/ip-address.ts';
import type { DefaultRoute } from './contract.ts';

/** RTF_UP and RTF_GATEWAY of linux/route.h. */
const THROUGH_GATEWAY = 0x3;

/** The route of IPv4 with the lowest metric. @param text of /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask */
export function parseDefaultRoute(text: string): { readonly interface: string; readonly gateway: string } | undefined {
  const routes = text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [name = '', destination, gateway = '', flags = '', , , metric, mask] = line.trim().split(/\s+/);
      const isDefault = destination === '00000000' && mask === '00000000' && /^[\dA-F]{8}$/i.test(gateway);
      return isDefault && (Number.parseInt(flags, 16) & THROUGH_GATEWAY) === THROUGH_GATEWAY
        ? [{ interface: name, gateway: Buffer.from(gateway, 'hex').reverse().join('.'), metric: Number(metric) }]
        : [];
    });
  const [first] = routes.sort((a, b) => a.metric - b.metric);
  return first && { interface: first.interface, gateway: first.gateway };
}

/** Undefined: there is no router. */
export async function readDefaultRoute(
  read: () => Promise<string> = () => readFile('/proc/net/route', 'utf8'),
  interfaces: Interfaces = systemInterfaces(),
): Promise<DefaultRoute | undefined> {
  const route = parseDefaultRoute(await read().catch(() => ''));
  const own = route && ownAddress(route, interfaces);
  return route && own !== undefined ? { ...route, own } : undefined;
}

/** Flags of an address in linux/if_addr.h: IFA_F_TEMPORARY, and IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE. */
const TEMPORARY = 0x01;
const UNUSABLE = 0x68;

/**
 * The way out by IPv6, for a public address of this box that lasts.
 * @param routes of /proc/net/ipv6_route: Destination Prefix Source Prefix NextHop Metric RefCnt Use Flags Iface
 * @param addresses of /proc/net/if_inet6: Address Index Prefix Scope Flags Iface
 */
export function parseDefaultRoute6(routes: string, addresses: string): DefaultRoute | undefined {
  const found = routes.split('\n').flatMap((line) => {
    const [to = '', bits, , , hop = '', metric = '', , , flags = '', name = ''] = line.trim().split(/\s+/);
    const isDefault = /^0{32}$/.test(to) && bits === '00' && /^[\da-f]{32}$/.test(hop);
    return isDefault && (Number.parseInt(flags, 16) & THROUGH_GATEWAY) === THROUGH_GATEWAY
      ? [{ interface: name, hop: ipv6Of(hop), metric: Number.parseInt(metric, 16) }]
      : [];
  });
  const [first] = found.sort((a, b) => a.metric - b.metric);
  const own = addresses.split('\n').flatMap((line) => {
    const [hex = '', , , , flags = '', name] = line.trim().split(/\s+/);
    const bits = Number.parseInt(flags, 16);
    const address = /^[\da-f]{32}$/.test(hex) && (bits & UNUSABLE) === 0 ? ipv6Of(hex) : '';
    return name === first?.interface && isPublicIp(address) ? [{ address, isTemporary: (bits & TEMPORARY) !== 0 }] : [];
  });
  const [best] = own.sort((a, b) => Number(a.isTemporary) - Number(b.isTemporary));
  if (!first || !best) {
    return undefined;
  }
  const gateway = /^fe[89ab]/.test(first.hop) ? `${first.hop}%${first.interface}` : first.hop;
  return { interface: first.interface, gateway, own: best.address };
}

const ipv6Of = (hex: string): string =>
  new SocketAddress({ address: hex.replace(/(.{4})(?!$)/g, '$1:'), family: 'ipv6' }).address;

/** Undefined: there is no router of IPv6, or no public address. */
export async function readDefaultRoute6(): Promise<DefaultRoute | undefined> {
  const [routes, addresses] = await Promise.all(
    ['ipv6_route', 'if_inet6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  );
  return parseDefaultRoute6(routes ?? '', addresses ?? '');
}

/** The address in the router's network; else the first one of the interface. */
function ownAddress(
  { interface: name, gateway }: { readonly interface: string; readonly gateway: string },
  interfaces: Interfaces,
): string | undefined {
  const own = (interfaces[name] ?? []).filter(({ family }) => family === 'IPv4');
  const shares = own.find(({ address, cidr }) => {
    const net = new BlockList();
    net.addSubnet(address, Number(cidr?.split('/')[1] ?? 32), 'ipv4');
    return net.check(gateway, 'ipv4');
  });
  return (shares ?? own[0])?.address;
}
