import type { AddedHosts } from './added-hosts.ts';
import { ownAddresses } from './own-addresses.ts';

export interface CandidateOptions {
  /** Names or addresses that reach this machine from elsewhere (a router's, a tunnel's). */
  readonly additionalHosts: readonly string[];
  readonly ipsFromInterfaces: boolean;
  /** Interface names; empty: all. */
  readonly interfaces: readonly string[];
}

/** One media port, and the addresses that it answers on. */
export interface LocalPort {
  /** 0: it is not open. */
  readonly port: number;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** The one address it is bound to, if it is not bound to all. */
  readonly only: string | undefined;
}

export interface LocalPorts {
  readonly udp: LocalPort;
  readonly tcp: LocalPort;
}

/** An address that a peer can send to. */
export interface HostAddress {
  readonly address: string;
  /** It comes from the configuration: which of our sockets it leads to is not for us to know. */
  readonly isAdded: boolean;
}

/** RFC 8445 §5.1.2.1: type preference << 24, local preference << 8, 256 - component. Host candidates have 126; by TCP (RFC 6544 §4.2) less. */
const UDP_TYPE_PREFERENCE = 126;
const TCP_TYPE_PREFERENCE = 99;
/** RFC 6544 §4.2: a TCP candidate's local preference begins with its direction; 4 says that a host candidate is passive. */
const PASSIVE_PREFERENCE = 4 << 13;
const MAX_ADDRESSES = 32;
const RTP_COMPONENT = 1;
const RTCP_COMPONENT = 2;

/** The addresses a peer can send to, best first: the network's, then what the configuration adds, then loopback. */
export async function gatherAddresses(options: CandidateOptions, hosts: AddedHosts): Promise<HostAddress[]> {
  const own = options.ipsFromInterfaces ? ownAddresses(options.interfaces) : [];
  const added = await Promise.all(options.additionalHosts.map((host) => hosts.resolve(host)));
  const all = [
    ...own.filter((info) => !info.internal).map(({ address }) => ({ address, isAdded: false })),
    ...added.flat().map((address) => ({ address, isAdded: true })),
    ...own.filter((info) => info.internal).map(({ address }) => ({ address, isAdded: false })),
  ];
  const isFirst = ({ address }: HostAddress, i: number): boolean =>
    all.findIndex((other) => other.address === address) === i;
  return all.filter(isFirst).slice(0, MAX_ADDRESSES);
}

/** `a=candidate` values, RFC 8839 §5.1 and RFC 6544 §4.5: by UDP first, TCP is for networks that block it. */
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

/** Everything flows on component 1 (RFC 8843); players made for MediaMTX get the other one for added hosts too, as there. */
function lines(host: HostAddress, foundation: number, protocol: string, preference: number, end: string): string[] {
  const components = host.isAdded ? [RTP_COMPONENT, RTCP_COMPONENT] : [RTP_COMPONENT];
  return components.map((component) => `${foundation} ${component} ${protocol} ${preference + 256 - component} ${end}`);
}

/** Whether what is sent to this address comes in at the port. */
function answers(local: LocalPort, { address, isAdded }: HostAddress): boolean {
  if (local.port === 0 || isAdded) {
    return local.port !== 0;
  }
  const hasFamily = address.includes(':') ? local.ipv6 : local.ipv4;
  return hasFamily && (local.only === undefined || local.only === address);
}
