import { PerchError } from '../../base/errors.ts';
import { canonicalIp, type Endpoint } from '../../base/network/ip-address.ts';

/** HAProxy's PROXY protocol: what a proxy sends ahead of the bytes of its client, and ahead of TLS. */
export interface ProxyHeader {
  readonly bytes: number;
  /** Undefined: the connection is the proxy's own, such as a health check, or its client has no TCP address. */
  readonly client: Endpoint | undefined;
}

/** §2.1: "PROXY TCP6 " with two addresses of 39 characters and two ports, or UNKNOWN with anything, CRLF included. */
const MAX_TEXT_BYTES = 107;
const TEXT_START = Buffer.from('PROXY ');
const BINARY_START = Buffer.from('\r\n\r\n\0\r\nQUIT\n');
const BINARY_FIXED_BYTES = 16;
/** The length field allows 65,535; names, certificates' subjects and checksums (TLV, §2.2.1) need some hundred. */
const MAX_BINARY_BYTES = 4096;
export const MAX_PROXY_HEADER_BYTES = BINARY_FIXED_BYTES + MAX_BINARY_BYTES;
const COMMAND = { local: 0, proxy: 1 } as const;
const TCP_OVER = { ipv4: 0x11, ipv6: 0x21 } as const;
const ADDRESS_BYTES = { ipv4: 4, ipv6: 16 } as const;
const PORT = /^(?:0|[1-9]\d{0,4})$/;

/**
 * @param bytes from the start of the connection
 * @returns `none` if something else begins here, `more` if more bytes decide
 * @throws PerchError badInput
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | 'none' | 'more' {
  const text = startOf(bytes, TEXT_START);
  const binary = startOf(bytes, BINARY_START);
  if (text === 'whole') {
    return readText(bytes);
  }
  if (binary === 'whole') {
    return readBinary(bytes);
  }
  return text === 'part' || binary === 'part' ? 'more' : 'none';
}

function startOf(bytes: Uint8Array, start: Uint8Array): 'whole' | 'part' | 'other' {
  const compared = Math.min(bytes.length, start.length);
  for (let i = 0; i < compared; i += 1) {
    if (bytes[i] !== start[i]) {
      return 'other';
    }
  }
  return compared === start.length ? 'whole' : 'part';
}

/** Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 4000 554\r\n`. */
function readText(bytes: Uint8Array): ProxyHeader | 'more' {
  const end = bytes.subarray(0, MAX_TEXT_BYTES).indexOf(0x0a);
  if (end < 0) {
    if (bytes.length >= MAX_TEXT_BYTES) {
      throw new PerchError('badInput', `PROXY line of more than ${MAX_TEXT_BYTES} bytes`);
    }
    return 'more';
  }
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, end + 1).toString('latin1');
  const fields = line.endsWith('\r\n') ? line.slice(0, -2).split(' ') : [];
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = ''] = fields;
  if (family === 'UNKNOWN') {
    return { bytes: end + 1, client: undefined };
  }
  const isIpv6 = family === 'TCP6';
  const isRight = fields.length === 6 && (isIpv6 || family === 'TCP4');
  if (!isRight || !hasForm(source, isIpv6) || !hasForm(destination, isIpv6) || !isPort(destinationPort)) {
    throw new PerchError('badInput', 'malformed PROXY line');
  }
  return { bytes: end + 1, client: endpoint(source, isPort(sourcePort) ? Number(sourcePort) : -1) };
}

/** Version 2: signature, version and command, family, length, addresses, TLVs. */
function readBinary(bytes: Uint8Array): ProxyHeader | 'more' {
  if (bytes.length < BINARY_FIXED_BYTES) {
    return 'more';
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version, command] = [view.getUint8(12) >> 4, view.getUint8(12) & 0xf];
  const length = view.getUint16(14);
  if (version !== 2 || (command !== COMMAND.local && command !== COMMAND.proxy)) {
    throw new PerchError(
      'badInput',
      `PROXY version ${version}, command ${command}, expected version 2, command 0 or 1`,
    );
  }
  if (length > MAX_BINARY_BYTES) {
    throw new PerchError('badInput', `PROXY header of ${length} bytes, at most ${MAX_BINARY_BYTES}`);
  }
  const end = BINARY_FIXED_BYTES + length;
  if (bytes.length < end) {
    return 'more';
  }
  const family = view.getUint8(13);
  const isIpv6 = family === TCP_OVER.ipv6;
  if (command === COMMAND.local || (!isIpv6 && family !== TCP_OVER.ipv4)) {
    return { bytes: end, client: undefined };
  }
  const addressBytes = ADDRESS_BYTES[isIpv6 ? 'ipv6' : 'ipv4'];
  if (length < 2 * (addressBytes + 2)) {
    throw new PerchError('badInput', `PROXY header of ${length} bytes is shorter than its addresses`);
  }
  const source = bytes.subarray(BINARY_FIXED_BYTES, BINARY_FIXED_BYTES + addressBytes);
  return {
    bytes: end,
    client: endpoint(addressText(source), view.getUint16(BINARY_FIXED_BYTES + 2 * addressBytes)),
  };
}

const hasForm = (address: string, isIpv6: boolean): boolean =>
  canonicalIp(address) !== undefined && address.includes(':') === isIpv6 && !address.includes('%');

const isPort = (text: string): boolean => PORT.test(text) && Number(text) < 65_536;

function endpoint(address: string, port: number): Endpoint {
  const ip = canonicalIp(address);
  if (ip === undefined || port < 0) {
    throw new PerchError('badInput', 'malformed address in a PROXY header');
  }
  return { ip, port };
}

function addressText(address: Uint8Array): string {
  if (address.length === ADDRESS_BYTES.ipv4) {
    return address.join('.');
  }
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  return Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16)).join(':');
}
