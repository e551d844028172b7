import { BlockList, isIPv4 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import type { Interfaces } from '../../agent/base/network/interfaces.ts';
import { isVirtualInterface } from '../../agent/base/network/ip-address.ts';
import type { Link } from '../../agent/base/network/multicast-socket.ts';
import type { LocalLink } from './responder.ts';

export interface BoundLink extends LocalLink, Link {
  /** Whether a source address is on this link: queries from elsewhere are ignored (RFC 6762 §11). */
  isNear(address: string): boolean;
}

/** The networks in which the box announces its name: local ones, not those of containers and tunnels. */
export function localLinks(interfaces: Interfaces): BoundLink[] {
  // 16 are more than any home has.
  return Object.entries(interfaces)
    .filter(([name]) => !isVirtualInterface(name))
    .flatMap(([name, all = []]) => linksOf(name, all))
    .slice(0, 16);
}

export const allAddresses = (interfaces: Interfaces): string[] =>
  Object.values(interfaces).flatMap((all = []) => all.map(({ address }) => address));

function linksOf(name: string, all: readonly NetworkInterfaceInfo[]): BoundLink[] {
  const outside = all.filter(({ internal }) => !internal);
  const ipv4 = outside.filter(({ family }) => family === 'IPv4');
  const ipv6 = outside.filter(({ family }) => family === 'IPv6');
  const addresses = announced(outside);
  const links: BoundLink[] = [];
  const [first] = ipv4;
  if (first) {
    const isNear = within(ipv4);
    links.push({ key: `${name} IPv4`, name, family: 'IPv4', address: first.address, addresses, isNear });
  }
  // Every interface with IPv6 has a link-local address, from which the group is reachable.
  const local = ipv6.find(({ address }) => isLinkLocal(address));
  if (local) {
    const isRouted = within(ipv6);
    const isNear = (address: string) => (address.includes('%') ? address.endsWith(`%${name}`) : isRouted(address));
    links.push({ key: `${name} IPv6`, name, family: 'IPv6', address: local.address, addresses, isNear });
  }
  return links;
}

/**
 * Link-local addresses, useless without an interface name, are announced only if no others exist. Avahi does the
 * same, so both announce the same records.
 */
function announced(all: readonly NetworkInterfaceInfo[]): string[] {
  const addresses = all.map(({ address }) => address);
  const lasting = addresses.filter((address) => !isLinkLocal(address));
  return (lasting.length > 0 ? lasting : addresses).slice(0, 16);
}

const isLinkLocal = (address: string): boolean => address.startsWith('169.254.') || /^fe[89ab]/i.test(address);

function within(networks: readonly NetworkInterfaceInfo[]): (address: string) => boolean {
  const list = new BlockList();
  for (const { address, cidr, family } of networks) {
    const bits = Number(cidr?.split('/')[1]);
    if (Number.isInteger(bits)) {
      list.addSubnet(address, bits, family === 'IPv4' ? 'ipv4' : 'ipv6');
    }
  }
  return (address) => list.check(address.split('%')[0] ?? '', isIPv4(address) ? 'ipv4' : 'ipv6');
}
