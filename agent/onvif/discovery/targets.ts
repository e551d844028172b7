import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { PerchError } from '../../base/errors.ts';

const MIN_PREFIX_BITS = 24;

/** Private networks (RFC 6890). */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  // Benchmark networks (RFC 2544).
  ['198.18.0.0', 15],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv4');
}
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addSubnet('::1', 128, 'ipv6');

/** @param address may have an IPv6 zone */
export function isPrivate(address: string): boolean {
  const [plain = ''] = address.split('%');
  return PRIVATE.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
}

export const isLoopback = (address: string): boolean => LOOPBACK.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');

/** Hint for cameras at 127.0.0.0/8, which only simulators have. */
export const LOOPBACK_HINT = 'start Perch with PERCH_LOOPBACK_CAMERAS=yes to use cameras simulated on this machine';

/** The addresses of a target: one (`192.168.1.9`, `fe80::1%eth0`) or a range (`192.168.1.0/24` without its first and last address). */
export function parseTargets(text: string, includeLoopback = false): string[] {
  const [address = '', bitsText, more] = text.trim().split('/');
  const plain = address.split('%')[0] ?? '';
  const bits = bitsText === undefined ? undefined : Number(bitsText);
  const isRange = bits !== undefined;
  if (more !== undefined || !(isIPv4(address) || (isIPv6(address) && !isRange))) {
    throw refused(text, 'is neither an address nor a range such as 192.168.1.0/24');
  }
  if (isRange && !(Number.isInteger(bits) && bits >= MIN_PREFIX_BITS && bits <= 32 && bitsText !== '')) {
    throw refused(text, `is too large a range: /${MIN_PREFIX_BITS} at most`);
  }
  const family = isIPv4(plain) ? 'ipv4' : 'ipv6';
  if (LOOPBACK.check(plain, family)) {
    if (!includeLoopback) {
      throw refused(text, `is not in a private network but this machine itself: ${LOOPBACK_HINT}`);
    }
  } else if (!isPrivate(plain)) {
    throw refused(text, 'is not in a private network');
  }
  return bits === undefined || bits === 32 ? [address] : addressesOf(address, bits);
}

const refused = (text: string, why: string): PerchError => new PerchError('badInput', `'${text.slice(0, 60)}' ${why}`);

function addressesOf(address: string, bits: number): string[] {
  const bytes = address.split('.').map(Number);
  const size = 2 ** (32 - bits);
  const last = bytes[3] ?? 0;
  const first = last - (last % size);
  const hosts = Array.from({ length: size }, (_, i) => `${bytes.slice(0, 3).join('.')}.${first + i}`);
  // Without the network and broadcast addresses.
  return size > 2 ? hosts.slice(1, -1) : hosts;
}
