import { BlockList, isIPv4 } from 'node:net';

/** The network that an answer came in on. */
export interface Subnet {
  readonly address: string;
  readonly prefixBits: number;
}

/**
 * The address to talk to a device at. What it claims may be another network's address, a factory default or 0.0.0.0;
 * where its answer came from is the truth. So: a claim with that host; else one in the subnet of the interface;
 * else any, with the host replaced and port and path kept.
 */
export function chooseXAddr(claims: readonly string[], responder: string, subnet: Subnet): string | undefined {
  const urls = claims.flatMap((claim) => {
    const url = URL.canParse(claim) ? new URL(claim) : undefined;
    return url && (url.protocol === 'http:' || url.protocol === 'https:') ? [url] : [];
  });
  const network = new BlockList();
  network.addSubnet(subnet.address, subnet.prefixBits, 'ipv4');
  const isNear = (url: URL) => isIPv4(url.hostname) && network.check(url.hostname, 'ipv4');
  const chosen = urls.find((url) => url.hostname === responder) ?? urls.find(isNear) ?? urls[0];
  if (!chosen) {
    return undefined;
  }
  if (chosen.hostname !== responder && !isNear(chosen)) {
    chosen.hostname = responder;
  }
  // A name and a password in a claim are not ours.
  chosen.username = '';
  chosen.password = '';
  return chosen.href;
}
