import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { systemInterfaces } from '../../../base/network/interfaces.ts';
import { canonicalIp } from '../../../base/network/ip-address.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import {
  familyOf,
  interfacesTowards,
  isGroup,
  isSourceSpecific,
  joinAll,
  ownIps,
} from '../../../transports/udp/multicast.ts';
import { UdpSocket } from '../../../transports/udp/udp-socket.ts';
import type { RtspSourceOptions } from '../request/settings.ts';

/** Linux's ephemeral ports, and MediaMTX's default. */
const DEFAULT_RANGE = [32_768, 60_999] as const;

export type UdpOptions = Pick<
  RtspSourceOptions,
  'name' | 'rtspTransport' | 'rtspAnyPort' | 'rtspUDPSourcePortRange' | 'udpReadBufferSize'
>;

/** RTP on an even port, RTCP on the next (RFC 3550 §11). */
export interface UdpPair {
  readonly rtp: UdpSocket;
  readonly rtcp: UdpSocket;
}

/** Binds a pair of ports for one track. @param ip the camera's */
export async function openPair(ip: string, options: UdpOptions, clock: Clock): Promise<UdpPair> {
  const [first = 0, last = 0] = options.rtspUDPSourcePortRange ?? DEFAULT_RANGE;
  const lowest = first + (first & 1);
  const count = Math.floor((last - lowest + 1) / 2);
  const offset = count > 0 ? randomInt(count) : 0;
  let cause: unknown;
  for (let i = 0; i < Math.min(count, 100); i += 1) {
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

/** Of the files of `dumpPackets`. */
const DUMP_PREFIX = 'rtsp_source_packet_conn';

async function bindPair(
  bind: { readonly family: 4 | 6; readonly address?: string; readonly port: number; readonly isShared?: boolean },
  rtcpPort: number,
  options: UdpOptions,
  clock: Clock,
): Promise<UdpPair> {
  const rtp = await UdpSocket.open(bind, DUMP_PREFIX, options.udpReadBufferSize ?? 0, clock);
  try {
    return { rtp, rtcp: await UdpSocket.open({ ...bind, port: rtcpPort }, DUMP_PREFIX, 0, clock) };
  } catch (error) {
    rtp.close();
    throw error;
  }
}

interface Group {
  readonly ip: string;
  readonly ports: Pair;
  readonly ttl: number;
  /** Address of the sender, if known. */
  readonly source: string | undefined;
}

/** Joins a group on the interfaces towards the camera. @param ip the camera's */
export async function joinGroup(ip: string, group: Group, options: UdpOptions, clock: Clock): Promise<UdpPair> {
  const { name } = options;
  const address = canonicalIp(group.ip);
  if (address === undefined || !isGroup(address)) {
    const message = `camera of path '${name}' names '${group.ip.slice(0, 60)}', which is not a multicast group`;
    throw new PerchError('unsupported', message, { path: name });
  }
  const [port, rtcpPort] = group.ports;
  // Bound to the group: datagrams for the port at other addresses do not come in.
  const bind = { family: familyOf(address), address, port, isShared: true };
  let pair: UdpPair | undefined;
  try {
    pair = await bindPair(bind, rtcpPort, options, clock);
    const source = isSourceSpecific(address) ? (group.source ?? ip) : undefined;
    const interfaces = systemInterfaces();
    const joined = joinAll(
      [pair.rtp, pair.rtcp],
      address,
      interfacesTowards(ip, familyOf(address), interfaces),
      source,
    );
    // Only a camera on this box needs our reports looped back.
    pair.rtcp.sendToGroupsBy(joined, group.ttl, ownIps(interfaces).includes(ip));
    return pair;
  } catch (cause) {
    pair?.rtp.close();
    pair?.rtcp.close();
    const message = `multicast group ${address}:${port} of path '${name}' cannot be joined`;
    throw new PerchError('unavailable', message, { path: name, group: address }, cause);
  }
}
