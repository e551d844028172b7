import type { NetworkInterfaceInfo } from 'node:os';

/** One IPv4 address of this machine to look for cameras from. */
export interface LocalAddress {
  readonly name: string;
  readonly address: string;
  readonly prefixBits: number;
}

/** Bridges of containers and tunnels: no camera lives there, and a probe into a VPN is rude. */
const VIRTUAL = /^(docker|veth|br-[0-9a-f]{12}$|virbr|cni|flannel|cali|tun|tap|wg|tailscale|zt|ppp)/;

/** The addresses to probe from, one socket each: a socket for all would multicast on the default route only. */
export function probeAddresses(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
  includeLoopback: boolean,
): LocalAddress[] {
  const found: LocalAddress[] = [];
  for (const [name, addresses] of Object.entries(interfaces)) {
    for (const { family, address, cidr, internal } of addresses ?? []) {
      // An interface with nothing but a link-local address got no lease: there is no network behind it.
      const isUsable = internal ? includeLoopback : !VIRTUAL.test(name) && !address.startsWith('169.254.');
      const prefixBits = Number(cidr?.split('/')[1]);
      if (family === 'IPv4' && isUsable && Number.isInteger(prefixBits)) {
        found.push({ name, address, prefixBits });
      }
    }
  }
  return found;
}
