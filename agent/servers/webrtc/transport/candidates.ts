import { isIPv4, isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { PerchError } from '../../../base/errors.ts';
import { systemInterfaces } from '../../../base/network/interfaces.ts';
import type { Config } from '../../../config/load/load.ts';
import type { AdditionalHosts } from './additional-hosts.ts';

export type CandidateOptions = Pick<
  Config,
  'webrtcAdditionalHosts' | 'webrtcIPsFromInterfaces' | 'webrtcIPsFromInterfacesList'
>;

export interface LocalPort {
  /** Port number; 0: closed. */
  readonly port: number;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** The only address, or undefined if bound to all. */
  readonly only: string | undefined;
}

export interface LocalPorts {
  readonly udp: LocalPort;
  readonly tcp: LocalPort;
}

export interface HostAddress {
  readonly address: string;
  /** The address is from the configuration: the socket it leads to is unknown. */
  readonly isAdditional: boolean;
}

/**
 * RFC 8445 §5.1.2.1: type preference << 24, local preference << 8, 256 - component. 126 for host candidates, less for
 * TCP (RFC 6544 §4.2).
 */
const UDP_TYPE_PREFERENCE = 126;
const TCP_TYPE_PREFERENCE = 99;
/** RFC 6544 §4.2: a TCP candidate's local preference starts with its direction; 4 is passive. */
const PASSIVE_PREFERENCE = 4 << 13;
const RTP_COMPONENT = 1;
const RTCP_COMPONENT = 2;

/** Best first: network addresses, configured ones, loopback. */
export async function gatherAddresses(options: CandidateOptions, hosts: AdditionalHosts): Promise<HostAddress[]> {
  const own = options.webrtcIPsFromInterfaces ? ownAddresses(options.webrtcIPsFromInterfacesList) : [];
  const added = await Promise.all(options.webrtcAdditionalHosts.map((host) => hosts.resolve(host)));
  const all = [
    ...own.filter((info) => !info.internal).map(({ address }) => ({ address, isAdditional: false })),
    ...added.flat().map((address) => ({ address, isAdditional: true })),
    ...own.filter((info) => info.internal).map(({ address }) => ({ address, isAdditional: false })),
  ];
  const isFirst = ({ address }: HostAddress, i: number): boolean =>
    all.findIndex((other) => other.address === address) === i;
  return all.filter(isFirst).slice(0, 32);
}

/** `a=candidate` values, RFC 8839 §5.1 and RFC 6544 §4.5: UDP first, TCP for networks that block it. */
export function writeCandidates(addresses: readonly HostAddress[], { udp, tcp }: LocalPorts): string[] {
  const byUdp = addresses.filter((host) => answers(udp, host));
  const byTcp = addresses.filter((host) => answers(tcp, host));
  return [
    ...byUdp.flatMap((host, i) => {
      const preference = UDP_TYPE_PREFERENCE * 2 ** 24 + (65_535 - i) * 256;
      return lines(host, i + 1, 'udp', preference, `${host.address} ${udp.port} typ host`);
    }),
    ...byTcp.flatMap((host, i) => {
      const preference = TCP_TYPE_PREFERENCE * 2 ** 24 + (PASSIVE_PREFERENCE + 8_191 - i) * 256;
      const end = `${host.address} ${tcp.port} typ host tcptype passive`;
      return lines(host, byUdp.length + i + 1, 'tcp', preference, end);
    }),
  ];
}

/** Component 1 carries everything (RFC 8843). Players for MediaMTX expect component 2 for additional hosts as well. */
function lines(host: HostAddress, foundation: number, protocol: string, preference: number, end: string): string[] {
  const components = host.isAdditional ? [RTP_COMPONENT, RTCP_COMPONENT] : [RTP_COMPONENT];
  return components.map((component) => `${foundation} ${component} ${protocol} ${preference + 256 - component} ${end}`);
}

/** Whether the port receives what is sent to this address. */
function answers(local: LocalPort, { address, isAdditional }: HostAddress): boolean {
  if (local.port === 0 || isAdditional) {
    return local.port !== 0;
  }
  const hasFamily = address.includes(':') ? local.ipv6 : local.ipv4;
  return hasFamily && (local.only === undefined || local.only === address);
}

/** RFC 4291 §2.5.6: a browser does not know the link of a link-local address. */
const LINK_LOCAL = /^fe[89ab]/i;

/** This box's current addresses. @param names of interfaces; empty: all */
export function ownAddresses(names: readonly string[] = []): NetworkInterfaceInfo[] {
  return Object.entries(systemInterfaces())
    .filter(([name]) => names.length === 0 || names.includes(name))
    .flatMap(([, infos]) => infos ?? [])
    .filter((info) => !LINK_LOCAL.test(info.address));
}

interface MediaAddress {
  /** Address to listen on; empty: all addresses of both families. */
  readonly host: string;
  readonly port: number;
}

/** `:8189`, `192.168.1.2:8189` or `[::]:8189`. */
export function parseMediaAddress(address: string, protocol: 'UDP' | 'TCP'): MediaAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]*)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? Number.NaN);
  const isWhole = host === '' || isIPv4(host) || isIPv6(host);
  if (!(port <= 65_535) || !isWhole) {
    throw new PerchError(
      'badInput',
      `'${address}' is not a ${protocol} address: write for example :8189 or 192.168.1.2:8189`,
    );
  }
  return { host, port };
}

/** The address to bind, or undefined for all. */
export function boundAddress(host: string): string | undefined {
  return host === '' || host === '0.0.0.0' || host === '::' ? undefined : host;
}
