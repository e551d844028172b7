import { BlockList, isIPv4 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { isVirtualInterface } from '../../base/ip-address.ts';

export interface LocalAddress {
  readonly name: string;
  readonly family: 'IPv4' | 'IPv6';
  /** Without the zone of IPv6. */
  readonly address: string;
  readonly prefixBits: number;
  /** The IPv4 networks of the same interface. */
  readonly networks: readonly Network[];
}

export interface Network {
  readonly address: string;
  readonly prefixBits: number;
}

export interface InterfaceChoice {
  readonly includeLoopback?: boolean;
  /** Only these, including tunnels and bridges. */
  readonly only?: readonly string[];
}

const MAX_ADDRESSES = 32;

/**
 * The addresses to probe from, with a socket each: one for all would multicast only on the default route. IPv6: link-local ones, because
 * every interface has one and WS-Discovery does not leave the link.
 */
export function probeAddresses(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
  { includeLoopback = false, only }: InterfaceChoice,
): LocalAddress[] {
  const found: LocalAddress[] = [];
  const loopback = includeLoopback
    ? Object.values(interfaces).flatMap((infos = []) =>
        infos.flatMap((info) => (info.internal && info.family === 'IPv4' ? rangeOf(info) : [])),
      )
    : [];
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    if (only ? !only.includes(name) : isVirtualInterface(name)) {
      continue;
    }
    const networks = addresses.flatMap((info) => (info.family === 'IPv4' ? rangeOf(info) : []));
    for (const info of addresses) {
      const [network] = rangeOf(info);
      if (network && isUsable(info, includeLoopback)) {
        // A simulator at 127.0.0.5 answers from there on any interface.
        const near = info.internal ? networks : [...networks, ...loopback];
        found.push({ name, family: info.family, ...network, networks: near });
      }
    }
  }
  // Nearly all cameras answer over IPv4.
  return found.sort((a, b) => (a.family < b.family ? -1 : a.family > b.family ? 1 : 0)).slice(0, MAX_ADDRESSES);
}

function isUsable({ family, address, internal }: NetworkInterfaceInfo, includeLoopback: boolean): boolean {
  if (family === 'IPv6') {
    return !internal && /^fe[89ab]/i.test(address);
  }
  // A self-assigned address has no network.
  return internal ? includeLoopback : !address.startsWith('169.254.');
}

function rangeOf({ address, cidr }: NetworkInterfaceInfo): Network[] {
  const prefixBits = Number(cidr?.split('/')[1]);
  return Number.isInteger(prefixBits) ? [{ address, prefixBits }] : [];
}

/** All IPv4 networks of this machine, with tunnels and bridges; loopback only for tests. */
export function ownNetworks(includeLoopback = false): Network[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.flatMap((info) => (info.family === 'IPv4' && (includeLoopback || !info.internal) ? rangeOf(info) : [])),
  );
}

export function networkOf(address: string, networks: readonly Network[]): Network | undefined {
  return isIPv4(address)
    ? networks.find((network) => {
        const list = new BlockList();
        list.addSubnet(network.address, network.prefixBits, 'ipv4');
        return list.check(address, 'ipv4');
      })
    : undefined;
}
