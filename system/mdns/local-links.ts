import { BlockList, isIPv4 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { isVirtualInterface } from '../../agent/base/ip-address.ts';
import type { Interfaces } from '../network-watch.ts';
import type { LocalLink } from './responder.ts';

/** A link, and where its socket goes. */
export interface BoundLink extends LocalLink {
  /** Of the interface. */
  readonly name: string;
  readonly family: 'IPv4' | 'IPv6';
  /** IPv4: which of the interface's addresses it is sent from. */
  readonly address: string;
  /** Whether an address that something came from is on this link: questions from farther away are none (RFC 6762 §11). */
  isNear(address: string): boolean;
}

/** A machine with more is no home. */
const MAX_LINKS = 16;
const MAX_ADDRESSES = 16;

/** Where the device tells its name: the local networks, not those of containers and tunnels. */
export function localLinks(interfaces: Interfaces): BoundLink[] {
  return Object.entries(interfaces)
    .filter(([name]) => !isVirtualInterface(name))
    .flatMap(([name, all = []]) => linksOf(name, all))
    .slice(0, MAX_LINKS);
}

export const allAddresses = (interfaces: Interfaces): string[] =>
  Object.values(interfaces).flatMap((all = []) => all.map(({ address }) => address));

function linksOf(name: string, all: readonly NetworkInterfaceInfo[]): BoundLink[] {
  const outside = all.filter(({ internal }) => !internal);
  const ipv4 = outside.filter(({ family }) => family === 'IPv4');
  const ipv6 = outside.filter(({ family }) => family === 'IPv6');
  const addresses = told(outside);
  const links: BoundLink[] = [];
  const [first] = ipv4;
  if (first) {
    const isNear = within(ipv4);
    links.push({ key: `${name} IPv4`, name, family: 'IPv4', address: first.address, addresses, isNear });
  }
  // Every interface with IPv6 has a link-local address, which the group is reached from.
  const local = ipv6.find(({ address }) => isLinkLocal(address));
  if (local) {
    const isRouted = within(ipv6);
    const isNear = (address: string) => (address.includes('%') ? address.endsWith(`%${name}`) : isRouted(address));
    links.push({ key: `${name} IPv6`, name, family: 'IPv6', address: local.address, addresses, isNear });
  }
  return links;
}

/**
 * Addresses that lead nowhere without the name of an interface are told only where there are no others. Avahi does the same, so that
 * beside it both say the same of one name.
 */
function told(all: readonly NetworkInterfaceInfo[]): string[] {
  const addresses = all.map(({ address }) => address);
  const lasting = addresses.filter((address) => !isLinkLocal(address));
  return (lasting.length > 0 ? lasting : addresses).slice(0, MAX_ADDRESSES);
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
