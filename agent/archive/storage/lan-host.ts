import { canonicalIp, isPrivateIp } from '../../base/network/ip-address.ts';

/** Names that only the local network knows (RFC 6762, RFC 8375, and what routers and administrators use). */
const LOCAL_SUFFIXES = ['.local', '.lan', '.home', '.internal', '.home.arpa', '.localdomain', '.localhost'];

/** Whether an address or a name is one of the local network, by its look: a name is not resolved. */
export function isLanHost(host: string): boolean {
  const bare = host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
  const ip = canonicalIp(bare);
  return ip === undefined
    ? !bare.includes('.') || LOCAL_SUFFIXES.some((suffix) => bare.endsWith(suffix))
    : isPrivateIp(ip);
}
