import { randomInt } from 'node:crypto';
import { isIP } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { canonicalIp, IpList, isLoopbackIp } from '../../../base/ip-address.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import type { RtspSourceOptions } from '../request/settings.ts';
import { UdpSocket } from './udp-socket.ts';

/** Linux's ephemeral ports, and MediaMTX's default. */
const DEFAULT_RANGE = [32_768, 60_999] as const;
/** Pairs that are tried. */
const MAX_TRIES = 100;

export type UdpOptions = Pick<
  RtspSourceOptions,
  'name' | 'rtspTransport' | 'rtspAnyPort' | 'rtspUDPSourcePortRange' | 'udpReadBufferSize'
>;

/** RTP on an even port, RTCP on the next (RFC 3550 §11). */
export interface UdpPair {
  readonly rtp: UdpSocket;
  readonly rtcp: UdpSocket;
}

const familyOf = (ip: string): 4 | 6 => (isIP(ip) === 6 ? 6 : 4);

/** Binds a pair of ports for one track. @param ip the camera's */
export async function openPair(ip: string, options: UdpOptions, clock: Clock): Promise<UdpPair> {
  const [first = 0, last = 0] = options.rtspUDPSourcePortRange ?? DEFAULT_RANGE;
  const lowest = first + (first & 1);
  const count = Math.floor((last - lowest + 1) / 2);
  const offset = count > 0 ? randomInt(count) : 0;
  let cause: unknown;
  for (let i = 0; i < Math.min(count, MAX_TRIES); i += 1) {
    const port = lowest + 2 * ((offset + i) % count);
    try {
      return await bindPair({ family: familyOf(ip), port }, port + 1, options, clock);
    } catch (error) {
      cause = error;
    }
  }
  const message = `no pair of UDP ports from ${first} to ${last} is free for path '${options.name}'`;
  throw new PerchError('exhausted', message, { path: options.name, first, last }, cause);
}

async function bindPair(
  bind: { readonly family: 4 | 6; readonly address?: string; readonly port: number; readonly isShared?: boolean },
  rtcpPort: number,
  options: UdpOptions,
  clock: Clock,
): Promise<UdpPair> {
  const rtp = await UdpSocket.open(bind, options.udpReadBufferSize ?? 0, clock);
  try {
    return { rtp, rtcp: await UdpSocket.open({ ...bind, port: rtcpPort }, 0, clock) };
  } catch (error) {
    rtp.close();
    throw error;
  }
}

const GROUPS = new IpList(['224.0.0.0/4', 'ff00::/8']);
/** RFC 4607: joined with the sender's address. */
const SOURCE_SPECIFIC = new IpList(['232.0.0.0/8']);

interface Group {
  readonly ip: string;
  readonly ports: Pair;
  readonly ttl: number;
  /** The sender's, if known. */
  readonly source: string | undefined;
}

/** Joins a group on the interfaces towards the camera. @param ip the camera's */
export async function joinGroup(ip: string, group: Group, options: UdpOptions, clock: Clock): Promise<UdpPair> {
  const { name } = options;
  const address = canonicalIp(group.ip);
  if (address === undefined || !GROUPS.has(address)) {
    const message = `camera of path '${name}' names '${group.ip.slice(0, 60)}', which is not a multicast group`;
    throw new PerchError('unsupported', message, { path: name });
  }
  const [port, rtcpPort] = group.ports;
  // Bound to the group: datagrams for the port at other addresses do not come in.
  const bind = { family: familyOf(address), address, port, isShared: true };
  let pair: UdpPair | undefined;
  try {
    pair = await bindPair(bind, rtcpPort, options, clock);
    const source = SOURCE_SPECIFIC.has(address) ? (group.source ?? ip) : undefined;
    const interfaces = networkInterfaces();
    const joined = joinAll(pair, address, interfacesTowards(ip, familyOf(address), interfaces), source);
    // Only a camera on this machine needs our reports looped back.
    pair.rtcp.sendToGroupsBy(joined, group.ttl, ownIps(interfaces).includes(ip));
    return pair;
  } catch (cause) {
    pair?.rtp.close();
    pair?.rtcp.close();
    const message = `multicast group ${address}:${port} of path '${name}' cannot be joined`;
    throw new PerchError('unavailable', message, { path: name, group: address }, cause);
  }
}

/** One interface is enough. @returns the first that joined */
function joinAll(
  { rtp, rtcp }: UdpPair,
  group: string,
  interfaces: readonly string[],
  source: string | undefined,
): string {
  let failure: unknown = new Error('no network interface is up');
  let joined: string | undefined;
  for (const networkInterface of interfaces) {
    try {
      rtp.join(group, networkInterface, source);
      rtcp.join(group, networkInterface, source);
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

type Interfaces = Readonly<Record<string, NetworkInterfaceInfo[] | undefined>>;

/** Addresses of this machine in canonical form. */
export const ownIps = (interfaces: Interfaces = networkInterfaces()): string[] =>
  Object.values(interfaces).flatMap((list) => (list ?? []).map(({ address }) => canonicalIp(address) ?? ''));

/**
 * The interfaces on which a camera's packets arrive: those in its network; for a camera behind a router all external ones;
 * for one on this machine all. IPv4 interfaces are named by their address, IPv6 ones as `::%name`.
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
