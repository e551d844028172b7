import { hostname } from 'node:os';
import { type Interfaces, systemInterfaces } from '../base/network/interfaces.ts';
import { canonicalIp } from '../base/network/ip-address.ts';

/** Names for the box's certificate. */
export interface DeviceNames {
  /** Lower case, without trailing dot. */
  readonly dns: readonly string[];
  /** Canonical. */
  readonly ips: readonly string[];
}

/** Domains that public DNS does not assign (RFC 6762, RFC 8375, and those of routers). */
const LOCAL_DOMAINS = ['localhost', 'local', 'lan', 'home', 'internal', 'home.arpa'];
const NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** Containers create many interfaces, and providers change addresses daily. */
const MAX_IPS = 64;

/** Current names of the box. */
export function systemNames(interfaces: Interfaces = systemInterfaces()): DeviceNames {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  return namesOf(
    hostname(),
    all.map(({ address }) => address),
  );
}

/** The host name, its short form, its mDNS name, and all addresses that work in a browser. */
export function namesOf(host: string, addresses: readonly string[]): DeviceNames {
  const full = host.toLowerCase().replace(/\.$/, '');
  const short = full.split('.')[0] ?? '';
  const dns = [full, short, `${short}.local`, 'localhost'].filter((name) => NAME.test(name));
  // Browsers accept no zone (`%eth0`), which link-local IPv6 addresses need.
  const ips = addresses.map(canonicalIp).filter((ip) => ip !== undefined && !/^fe[89ab]/.test(ip));
  return {
    dns: [...new Set(dns)],
    ips: [...new Set(['127.0.0.1', '::1', ...(ips as string[])])].slice(0, MAX_IPS),
  };
}

/** Current names, and earlier addresses up to the limit: an interface that comes and goes needs no new certificate. */
export const withFormer = (now: DeviceNames, former: readonly string[]): DeviceNames => ({
  dns: now.dns,
  ips: [...new Set([...now.ips, ...former])].slice(0, MAX_IPS),
});

/** Domains of the own authority: all local ones, and the box's own names. */
export const domainsOf = ({ dns }: DeviceNames): readonly string[] => [
  ...LOCAL_DOMAINS,
  ...dns.filter((name) => !isWithin(name, LOCAL_DOMAINS)),
];

/** RFC 5280 §4.2.1.10: a domain includes its subdomains. */
export const isWithin = (name: string, domains: readonly string[]): boolean =>
  domains.some((domain) => name === domain || name.endsWith(`.${domain}`));
