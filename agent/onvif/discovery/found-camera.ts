import { type Network, networkOf } from './interfaces.ts';
import type { ProbeMatch } from './probe.ts';
import { isPrivate } from './targets.ts';
import { chooseXAddr } from './xaddr.ts';

/** A device that answered. Its texts are its own claims, fit to be shown as text; `address` is where the answer came from. */
export interface FoundCamera {
  /** `urn:uuid:…`: the same after an address change. Cheap boards of one make may all have the same. */
  readonly endpoint: string;
  /** With the scope of a link-local IPv6 address: `fe80::1%eth0`. */
  readonly address: string;
  /** Address of this machine that it was found from. */
  readonly foundFrom: string;
  /** The device service. */
  readonly url: string;
  /** Hosts that it says its service is at. */
  readonly claims?: readonly string[];
  readonly name: string | undefined;
  readonly hardware: string | undefined;
  readonly location: string | undefined;
  readonly manufacturer: string | undefined;
}

/** Some say it in capitals here and in small letters there, or with less before it. */
export const sameEndpoint = (a: string, b: string): boolean => plainEndpoint(a) === plainEndpoint(b);
export const plainEndpoint = (endpoint: string): string =>
  endpoint
    .trim()
    .toLowerCase()
    .replace(/^(?:urn:)?uuid:/, '');

/** The camera behind an answer; undefined for what is no camera, has no address to talk to, or is nowhere near: a sender can be made up. */
export function cameraOf(
  match: ProbeMatch,
  address: string,
  from: { readonly address: string; readonly networks: readonly Network[] },
): FoundCamera | undefined {
  const isHere = isPrivate(address) || networkOf(address, from.networks) !== undefined;
  const url = match.isOnvif && isHere ? chooseXAddr(match.xaddrs, address, from.networks) : undefined;
  if (url === undefined) {
    return undefined;
  }
  const { endpoint, name, hardware, location, manufacturer } = match;
  const claims = match.xaddrs.flatMap((claim) => (URL.canParse(claim) ? [new URL(claim).hostname] : []));
  return { endpoint, address, foundFrom: from.address, url, claims, name, hardware, location, manufacturer };
}

/** One camera with two addresses says so at both; of boards that all have one endpoint each names itself alone. */
export const nameEachOther = (a: FoundCamera, b: FoundCamera): boolean =>
  a.endpoint === b.endpoint && a.claims?.includes(b.address) === true && b.claims?.includes(a.address) === true;

/**
 * What tells answers apart: identity and address. On this machine itself the address of the service too:
 * two Perches have a demo camera each, both with one endpoint.
 */
export function keyOf({ endpoint, address, url }: FoundCamera): string {
  return `${endpoint} ${address} ${address.startsWith('127.') ? url : ''}`;
}
