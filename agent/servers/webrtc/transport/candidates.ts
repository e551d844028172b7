import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';

export interface CandidateOptions {
  /** Names or addresses that reach this machine from elsewhere (a router's, a tunnel's). */
  readonly additionalHosts: readonly string[];
  readonly ipsFromInterfaces: boolean;
  /** Interface names; empty: all. */
  readonly interfaces: readonly string[];
}

/** Addresses that the UDP port answers on. */
export interface Reachable {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** The one address it is bound to, if it is not bound to all. */
  readonly only: string | undefined;
}

/** A name that does not resolve within this time is left out, so that no viewer waits for a dead name server. */
const LOOKUP_LIMIT_MS = 1_000;
/** RFC 8445 §5.1.2.1: type preference 126 (host) << 24, local preference << 8, 256 - component. */
const HOST_PRIORITY = 126 * 2 ** 24 + 255;
const MAX_CANDIDATES = 32;

/** The addresses a viewer can send to, best first: the network's, then what the configuration adds, then loopback. */
export async function gatherAddresses(
  options: CandidateOptions,
  reachable: Reachable,
  clock: Clock,
  log: Logger,
): Promise<string[]> {
  const own = options.ipsFromInterfaces ? interfaceAddresses(options.interfaces, reachable) : [];
  const added = await Promise.all(options.additionalHosts.map((host) => resolveHost(host, clock, log)));
  const outside = own.filter((info) => !info.internal).map((info) => info.address);
  const loopback = own.filter((info) => info.internal).map((info) => info.address);
  return [...new Set([...outside, ...added.flat(), ...loopback])].slice(0, MAX_CANDIDATES);
}

/** `a=candidate` values, RFC 8839 §5.1. */
export function writeCandidates(addresses: readonly string[], port: number): string[] {
  return addresses.map((address, i) => {
    const priority = HOST_PRIORITY + (65_535 - i) * 256;
    return `${i + 1} 1 udp ${priority} ${address} ${port} typ host`;
  });
}

function interfaceAddresses(names: readonly string[], reachable: Reachable): NetworkInterfaceInfo[] {
  const chosen = Object.entries(networkInterfaces()).filter(([name]) => names.length === 0 || names.includes(name));
  return chosen
    .flatMap(([, infos]) => infos ?? [])
    .filter((info) => (info.family === 'IPv4' ? reachable.ipv4 : reachable.ipv6))
    .filter((info) => reachable.only === undefined || info.address === reachable.only)
    .filter((info) => !info.address.startsWith('fe80:')); // A browser cannot know on which of its links.
}

async function resolveHost(host: string, clock: Clock, log: Logger): Promise<string[]> {
  if (isIP(host) !== 0) {
    return [host];
  }
  const stop = new AbortController();
  const failed = (cause: unknown): string[] => {
    log.warn({ host, err: cause }, 'an additional WebRTC host does not resolve and is left out');
    return [];
  };
  const found = lookup(host, { all: true }).then((all) => all.map(({ address }) => address), failed);
  const late = clock.sleep(LOOKUP_LIMIT_MS, stop.signal).then(() => undefined);
  const addresses = await Promise.race([found, late]);
  stop.abort();
  return addresses ?? failed(new Error(`no answer within ${LOOKUP_LIMIT_MS} ms`));
}
