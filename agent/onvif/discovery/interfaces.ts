import { BlockList, isIPv4 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { type Interfaces, systemInterfaces } from '../../base/network/interfaces.ts';
import { isVirtualInterface } from '../../base/network/ip-address.ts';
import type { Link } from '../../base/network/multicast-socket.ts';

export interface LocalAddress extends Link {
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
  /** If given, only these interfaces are used, including tunnels and bridges. */
  readonly only?: readonly string[];
}

/**
 * The addresses to probe from, with a socket each: one for all would multicast only on the default route. IPv6: link-local ones, because
 * every interface has one and WS-Discovery does not leave the link.
 */
export function probeAddresses(
  interfaces: Interfaces,
  { includeLoopback = false, only }: InterfaceChoice,
): LocalAddress[] {
  const found: LocalAddress[] = [];
  const loopback = includeLoopback
    ? Object.values(interfaces).flatMap((infos = []) => networksOf(infos.filter(({ internal }) => internal)))
    : [];
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    if (only ? !only.includes(name) : isVirtualInterface(name)) {
      continue;
    }
    const networks = networksOf(addresses);
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
  return found.sort((a, b) => (a.family < b.family ? -1 : a.family > b.family ? 1 : 0)).slice(0, 32);
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

const networksOf = (infos: readonly NetworkInterfaceInfo[]): Network[] =>
  infos.flatMap((info) => (info.family === 'IPv4' ? rangeOf(info) : []));

/** All IPv4 networks of this box, with tunnels and bridges; loopback only for tests. */
export function ownNetworks(includeLoopback = false): Network[] {
  return Object.values(systemInterfaces()).flatMap((infos = []) =>
    networksOf(infos.filter(({ internal }) => includeLoopback || !internal)),
  );
}

/** The address whose network a sender is in. An IPv6 link-local sender has the interface as its zone. */
export const localOf = (sender: string, locals: readonly LocalAddress[]): LocalAddress | undefined =>
  locals.find((local) =>
    local.family === 'IPv4' ? networkOf(sender, [local]) !== undefined : sender.endsWith(`%${local.name}`),
  );

export function networkOf(address: string, networks: readonly Network[]): Network | undefined {
  return isIPv4(address)
    ? networks.find((network) => {
        const list = new BlockList();
        list.addSubnet(network.address, network.prefixBits, 'ipv4');
        return list.check(address, 'ipv4');
      })
    : undefined;
}

/**
 * Whether a device was found in the camera's network. A device in another network (for guests, say) must not get the camera's login. If no
 * network of this box has the old address, as behind a new router, all count.
 * @param foundFrom address of this box that it was found from
 */
export function isInNetworkOf(
  oldHost: string,
  foundFrom: string,
  interfaces: Interfaces = systemInterfaces(),
): boolean {
  const [, zone] = oldHost.split('%');
  const names = Object.entries(interfaces).flatMap(([name, addresses = []]) => {
    return name === zone || networkOf(oldHost, networksOf(addresses)) ? [name] : [];
  });
  return (
    names.length === 0 || names.some((name) => interfaces[name]?.some(({ address }) => address === foundFrom) === true)
  );
}
