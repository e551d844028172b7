import { isIPv4 } from 'node:net';

/** Ethernet frames of the packets that a socket's bytes stand for. The real ones, with their retransmissions, are known to the kernel alone. */

export interface Address {
  readonly ip: string;
  readonly port: number;
}

interface TcpFields {
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
}

/** RFC 9293 §3.1 */
export const [FIN, SYN, PSH, ACK] = [0x01, 0x02, 0x08, 0x10] as const;

const ETHERNET_BYTES = 14;
const [IPV4_BYTES, IPV6_BYTES, TCP_BYTES, UDP_BYTES] = [20, 40, 20, 8] as const;
const [TCP, UDP] = [6, 17] as const;
const TTL = 64;
const WINDOW = 0xffff;

export function tcpFrame(from: Address, to: Address, fields: TcpFields, payload: Uint8Array): Buffer {
  const segment = Buffer.alloc(TCP_BYTES + payload.length);
  segment.writeUInt16BE(from.port, 0);
  segment.writeUInt16BE(to.port, 2);
  segment.writeUInt32BE(fields.sequence, 4);
  segment.writeUInt32BE(fields.acknowledged, 8);
  segment[12] = (TCP_BYTES / 4) << 4;
  segment[13] = fields.flags;
  segment.writeUInt16BE(WINDOW, 14);
  segment.set(payload, TCP_BYTES);
  return frame(from, to, TCP, segment, 16);
}

export function udpFrame(from: Address, to: Address, payload: Uint8Array): Buffer {
  const datagram = Buffer.alloc(UDP_BYTES + payload.length);
  datagram.writeUInt16BE(from.port, 0);
  datagram.writeUInt16BE(to.port, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  datagram.set(payload, UDP_BYTES);
  return frame(from, to, UDP, datagram, 6);
}

/** @param checksumAt in `body` */
function frame(from: Address, to: Address, protocol: number, body: Buffer, checksumAt: number): Buffer {
  const isV4 = isOfV4(from.ip) && isOfV4(to.ip);
  const header = isV4 ? ipv4Header(from, to, protocol, body.length) : ipv6Header(from, to, protocol, body.length);
  // The pseudo headers of RFC 9293 §3.1 and RFC 8200 §8.1: addresses, protocol, length.
  const sum = checksum(sumOf(header.subarray(isV4 ? 12 : 8)) + protocol + body.length + sumOf(body));
  body.writeUInt16BE(protocol === UDP && sum === 0 ? 0xffff : sum, checksumAt);
  const ethernet = Buffer.alloc(ETHERNET_BYTES);
  ethernet.writeUInt16BE(isV4 ? 0x0800 : 0x86dd, 12);
  return Buffer.concat([ethernet, header, body]);
}

/** RFC 791 §3.1 */
function ipv4Header(from: Address, to: Address, protocol: number, bodyBytes: number): Buffer {
  const header = Buffer.alloc(IPV4_BYTES);
  header[0] = 0x45;
  header.writeUInt16BE(IPV4_BYTES + bodyBytes, 2);
  header[8] = TTL;
  header[9] = protocol;
  header.set(ipv6Bytes(from.ip).subarray(12), 12);
  header.set(ipv6Bytes(to.ip).subarray(12), 16);
  header.writeUInt16BE(checksum(sumOf(header)), 10);
  return header;
}

/** RFC 8200 §3 */
function ipv6Header(from: Address, to: Address, protocol: number, bodyBytes: number): Buffer {
  const header = Buffer.alloc(IPV6_BYTES);
  header[0] = 0x60;
  header.writeUInt16BE(bodyBytes, 4);
  header[6] = protocol;
  header[7] = TTL;
  header.set(ipv6Bytes(from.ip), 8);
  header.set(ipv6Bytes(to.ip), 24);
  return header;
}

const MAPPED = /^::ffff:(?=\d+\.)/i;
/** A socket that is bound to all addresses has `::`, for IPv4, too. */
const isOfV4 = (ip: string): boolean => isIPv4(ip.replace(MAPPED, '')) || ip === '::';

/** 16 bytes; those of an IPv4 address are the last four. */
function ipv6Bytes(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  const ip = text.replace(MAPPED, '').replace(/%.*$/, '');
  if (isIPv4(ip)) {
    bytes.fill(0xff, 10, 12);
    bytes.set(ip.split('.').map(Number), 12);
    return bytes;
  }
  const [head = '', tail = ''] = ip.split('::');
  const [first, last] = [groupsOf(head), groupsOf(tail)];
  const groups = [...first, ...new Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0), ...last];
  for (const [i, group] of groups.slice(0, 8).entries()) {
    bytes.writeUInt16BE(group, 2 * i);
  }
  return bytes;
}

const groupsOf = (part: string): number[] =>
  part
    .split(':')
    .filter(Boolean)
    .map((group) => Number.parseInt(group, 16) & 0xffff);

/** RFC 1071 */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    sum += ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
  }
  return bytes.length % 2 === 0 ? sum : sum + ((bytes.at(-1) as number) << 8);
}

function checksum(total: number): number {
  let sum = total;
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  }
  return ~sum & 0xffff;
}
