import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { canonicalIp } from '../base/ip-address.ts';

/** What the box is called from outside: the names of its certificate. */
export interface DeviceNames {
  /** Lower case, without a dot at the end. */
  readonly dns: readonly string[];
  /** Canonical. */
  readonly ips: readonly string[];
}

/** Names below these no public name server gives away (RFC 6762, RFC 8375, and what routers use). */
const LOCAL_DOMAINS = ['localhost', 'local', 'lan', 'home', 'internal', 'home.arpa'];
const NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** Containers make interfaces by the dozen, and providers new addresses each day. */
const MAX_IPS = 64;

/** As the machine says it now. */
export function systemNames(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>> = networkInterfaces(),
): DeviceNames {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  return namesOf(
    hostname(),
    all.map(({ address }) => address),
  );
}

/** Of a machine that is called `host`: itself, short, by mDNS, and by each address that can stand in a browser's. */
export function namesOf(host: string, addresses: readonly string[]): DeviceNames {
  const full = host.toLowerCase().replace(/\.$/, '');
  const short = full.split('.')[0] ?? '';
  const dns = [full, short, `${short}.local`, 'localhost'].filter((name) => NAME.test(name));
  // Browsers take no zone (`%eth0`), and without one a link-local address of IPv6 leads nowhere.
  const ips = addresses.map(canonicalIp).filter((ip) => ip !== undefined && !/^fe[89ab]/.test(ip));
  return {
    dns: [...new Set(dns)],
    ips: [...new Set(['127.0.0.1', '::1', ...(ips as string[])])].slice(0, MAX_IPS),
  };
}

/** Those of now, and what there is room for of those before: an interface that comes and goes needs no new certificate each time. */
export const withFormer = (now: DeviceNames, former: readonly string[]): DeviceNames => ({
  dns: now.dns,
  ips: [...new Set([...now.ips, ...former])].slice(0, MAX_IPS),
});

/** The domains that the box's authority is to be good for: all that are local, and the box's own names. */
export const domainsOf = ({ dns }: DeviceNames): readonly string[] => [
  ...LOCAL_DOMAINS,
  ...dns.filter((name) => !isWithin(name, LOCAL_DOMAINS)),
];

/** RFC 5280 §4.2.1.10: a domain stands for itself and for everything below it. */
export const isWithin = (name: string, domains: readonly string[]): boolean =>
  domains.some((domain) => name === domain || name.endsWith(`.${domain}`));
