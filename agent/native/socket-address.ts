import { isIPv4, isIPv6 } from 'node:net';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
export const MAX_ADDRESS_WORDS = SOCKADDR_IN6_BYTES / 4;

/** `struct sockaddr_in` or `sockaddr_in6` of Linux. */
export interface SocketAddress {
  readonly words: Uint32Array;
  readonly byteLength: number;
}

/** @returns undefined if the address is not numeric or has a zone (`fe80::1%eth0`) */
export function socketAddress(ip: string, port: number): SocketAddress | undefined {
  const isV4 = isIPv4(ip);
  if (!isV4 && (!isIPv6(ip) || ip.includes('%'))) {
    return undefined;
  }
  const bytes = new Uint8Array(isV4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isV4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  if (isV4) {
    bytes.set(ip.split('.').map(Number), 4);
  } else {
    // The address follows family, port and flow information.
    for (const [i, group] of groupsOf(ip).entries()) {
      view.setUint16(8 + 2 * i, group);
    }
  }
  return { words: new Uint32Array(bytes.buffer), byteLength: bytes.length };
}

/** Compares family, port and address, but not IPv6's flow information. */
export function isSameAddress(words: Uint32Array, at: number, other: Uint32Array): boolean {
  // The first word is family and port, the second one the IPv4 address.
  if (words[at] !== other[0] || ((other[0] as number) & 0xffff) === AF_INET) {
    return words[at] === other[0] && words[at + 1] === other[1];
  }
  for (let i = 2; i < MAX_ADDRESS_WORDS; i += 1) {
    if (words[at + i] !== other[i]) {
      return false;
    }
  }
  return true;
}

/** @returns port and address; an IPv6 address has all eight groups and no zone */
export function readSocketAddress(words: Uint32Array, at: number): { readonly address: string; readonly port: number } {
  const view = new DataView(words.buffer, words.byteOffset + words.BYTES_PER_ELEMENT * at);
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === AF_INET) {
    return { address: Array.from({ length: 4 }, (_, i) => view.getUint8(4 + i)).join('.'), port };
  }
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i).toString(16));
  return { address: groups.join(':'), port };
}

/** The eight groups of an IPv6 address, RFC 4291 §2.2. */
function groupsOf(ip: string): number[] {
  // A dotted tail stands for two groups.
  const hex = ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [256 * Number(a) + Number(b), 256 * Number(c) + Number(d)].map((group) => group.toString(16)).join(':'),
  );
  const [head = '', tail] = hex.split('::');
  const parse = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const left = parse(head);
  const right = parse(tail ?? '');
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}
