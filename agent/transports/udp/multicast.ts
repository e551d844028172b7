import { isIP } from 'node:net';
import { type Interfaces, systemInterfaces } from '../../base/network/interfaces.ts';
import { canonicalIp, IpList, isLoopbackIp } from '../../base/network/ip-address.ts';
import type { UdpSocket } from './udp-socket.ts';

const GROUPS = new IpList(['224.0.0.0/4', 'ff00::/8']);
/** Source-specific groups (RFC 4607): they are joined with the sender's address. */
const SOURCE_SPECIFIC = new IpList(['232.0.0.0/8']);

/** @param ip in canonical form */
export const isGroup = (ip: string): boolean => GROUPS.has(ip);
export const isSourceSpecific = (ip: string): boolean => SOURCE_SPECIFIC.has(ip);
export const familyOf = (ip: string): 4 | 6 => (isIP(ip) === 6 ? 6 : 4);

/** Joins the group on all interfaces; one of them is enough. @returns the first one that joined */
export function joinAll(
  sockets: readonly UdpSocket[],
  group: string,
  interfaces: readonly string[],
  source: string | undefined,
): string {
  let failure: unknown = new Error('no network interface is up');
  let joined: string | undefined;
  for (const networkInterface of interfaces) {
    try {
      for (const socket of sockets) {
        socket.join(group, networkInterface, source);
      }
      joined ??= networkInterface;
    } catch (error) {
      failure = error;
    }
  }
  if (joined === undefined) {
    throw failure;
  }
  return joined;
}

/** Addresses of this box in canonical form. */
export const ownIps = (interfaces: Interfaces = systemInterfaces()): string[] =>
  Object.values(interfaces).flatMap((list) => (list ?? []).map(({ address }) => canonicalIp(address) ?? ''));

/**
 * The interfaces on which a camera's packets arrive: those in its network; for a camera behind a router all external ones;
 * for one on this box all. IPv4 interfaces are named by their address, IPv6 ones as `::%name`.
 */
export function interfacesTowards(ip: string, family: 4 | 6, interfaces: Interfaces): string[] {
  const here: string[] = [];
  const outside: string[] = [];
  const all: string[] = [];
  for (const [name, list] of Object.entries(interfaces)) {
    for (const { address, cidr, family: ipFamily, internal } of list ?? []) {
      if (ipFamily !== `IPv${family}`) {
        continue;
      }
      const spelled = family === 6 ? `::%${name}` : address;
      all.push(spelled);
      if (!internal) {
        outside.push(spelled);
      }
      if (cidr !== null && new IpList([cidr]).has(ip)) {
        here.push(spelled);
      }
    }
  }
  const isOwn = isLoopbackIp(ip) || ownIps(interfaces).includes(ip);
  const chosen = isOwn ? all : here.length > 0 ? here : outside;
  return [...new Set(chosen)];
}
