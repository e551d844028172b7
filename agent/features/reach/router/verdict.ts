import { isIPv4 } from 'node:net';
import { IpList, isPublicIp } from '../../../base/network/ip-address.ts';

/**
 * What the router's outside address means. `carrier`: many customers share one address of the provider, so nothing from outside arrives.
 * `private`: another router is before this one. `unknown`: the router does not say its address.
 */
export type Verdict = 'public' | 'carrier' | 'private' | 'offline' | 'unknown';

/** RFC 6598; RFC 6333 §5.7 (DS-Lite). */
const CARRIER = new IpList(['100.64.0.0/10', '192.0.0.0/29']);

export function verdictOf(outsideIp: string | undefined): Verdict {
  if (outsideIp === undefined || !isIPv4(outsideIp)) {
    return 'unknown';
  }
  if (outsideIp === '0.0.0.0') {
    return 'offline';
  }
  return CARRIER.has(outsideIp) ? 'carrier' : isPublicIp(outsideIp) ? 'public' : 'private';
}
