// Messages of PCP (RFC 6887) and NAT-PMP (RFC 6886), which share UDP port 5351. A router with NAT-PMP alone answers PCP with version 0.

import { isIPv4 } from 'node:net';

export const PORT_CONTROL_PORT = 5351;
const PCP_VERSION = 2;
const PCP_HEADER_BYTES = 24;
const PCP_MAP_BYTES = 36;
const RESPONSE = 0x80;
const ANNOUNCE = 0;
const MAP = 1;
export const NONCE_BYTES = 12;
/** IANA's protocol numbers. */
const PROTOCOL = { tcp: 6, udp: 17 } as const;
/** RFC 6886 §3.3. */
const NAT_PMP_MAP = { udp: 1, tcp: 2 } as const;
/** An IPv6 address as bytes. */
const IP_BYTES = 16;
const V4_MAPPED = Buffer.from('00000000000000000000ffff', 'hex');

type Transport = keyof typeof PROTOCOL;

interface PcpMapRequest {
  /** Address of this box, from which the request is sent. */
  readonly client: string;
  /** 12 bytes. The same for renewals: another client's mapping cannot be changed. */
  readonly nonce: Uint8Array;
  readonly transport: Transport;
  readonly port: number;
  /** Wanted; 0: any. */
  readonly outsidePort: number;
  /** 0 removes the mapping. */
  readonly lifetimeS: number;
}

export interface PortControlAnswer {
  readonly version: 'pcp' | 'natPmp';
  readonly kind: 'announce' | 'map' | 'address';
  /** 0: success; the codes of RFC 6887 §7.4 or RFC 6886 §3.5. */
  readonly result: number;
  /** Seconds since the router began to keep mappings. */
  readonly epochS: number;
  /** Of `map`. */
  readonly mapping?: {
    /** Of PCP. */
    readonly nonce?: Uint8Array;
    readonly transport: Transport;
    readonly port: number;
    readonly outsidePort: number;
    readonly lifetimeS: number;
    /** IPv4; undefined: absent or IPv6. */
    readonly outsideIp?: string;
  };
  /** Of `address`. */
  readonly outsideIp?: string;
}

/** RFC 6887 §14.1: asks for nothing but an answer. @param client address of this box */
export function writePcpAnnounce(client: string): Buffer {
  return pcpHeader(ANNOUNCE, 0, client, PCP_HEADER_BYTES);
}

/** RFC 6887 §11.1. */
export function writePcpMap({ client, nonce, transport, port, outsidePort, lifetimeS }: PcpMapRequest): Buffer {
  const bytes = pcpHeader(MAP, lifetimeS, client, PCP_HEADER_BYTES + PCP_MAP_BYTES);
  bytes.set(nonce.subarray(0, NONCE_BYTES), 24);
  bytes[36] = PROTOCOL[transport];
  bytes.writeUInt16BE(port, 40);
  bytes.writeUInt16BE(outsidePort, 42);
  // Any address of that version: RFC 6887 §11.1.
  bytes.set(isIPv4(client) ? V4_MAPPED : Buffer.alloc(IP_BYTES), 44);
  return bytes;
}

function pcpHeader(opcode: number, lifetimeS: number, client: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes[0] = PCP_VERSION;
  bytes[1] = opcode;
  bytes.writeUInt32BE(lifetimeS, 4);
  if (isIPv4(client)) {
    bytes.set(V4_MAPPED, 8);
    bytes.set(client.split('.').map(Number), 20);
  } else {
    bytes.set(ipv6Bytes(client), 8);
  }
  return bytes;
}

/** @param ip canonical, without a zone */
function ipv6Bytes(ip: string): Buffer {
  const [head = [], tail = []] = ip.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(IP_BYTES / 2 - head.length - tail.length).fill('0');
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** RFC 6886 §3.2: asks for the router's outside address. */
export const writeAddressRequest = (): Buffer => Buffer.alloc(2);

/** RFC 6886 §3.3. @param lifetimeS 0 removes the mapping; the outside port is 0 then */
export function writeNatPmpMap(transport: Transport, port: number, outsidePort: number, lifetimeS: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes[1] = NAT_PMP_MAP[transport];
  bytes.writeUInt16BE(port, 4);
  bytes.writeUInt16BE(lifetimeS === 0 ? 0 : outsidePort, 6);
  bytes.writeUInt32BE(lifetimeS, 8);
  return bytes;
}

/** An answer of either version, or undefined for anything else. Never throws. */
export function parsePortControl(datagram: Uint8Array): PortControlAnswer | undefined {
  // RFC 6887 §7 has the limit.
  if (datagram.length < 8 || datagram.length > 1_100 || ((datagram[1] ?? 0) & RESPONSE) === 0) {
    return undefined;
  }
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  return datagram[0] === PCP_VERSION ? parsePcp(view) : datagram[0] === 0 ? parseNatPmp(view) : undefined;
}

/** RFC 6887 §7.2, §11.1. */
function parsePcp(view: DataView): PortControlAnswer | undefined {
  const opcode = view.getUint8(1) & ~RESPONSE;
  if (view.byteLength < PCP_HEADER_BYTES || view.byteLength % 4 !== 0) {
    return undefined;
  }
  const shared = { version: 'pcp', result: view.getUint8(3), epochS: view.getUint32(8) } as const;
  if (opcode === ANNOUNCE) {
    return { ...shared, kind: 'announce' };
  }
  const transport = view.byteLength >= PCP_HEADER_BYTES + PCP_MAP_BYTES ? transportOf(view.getUint8(36)) : undefined;
  if (opcode !== MAP || transport === undefined) {
    return undefined;
  }
  const outsideIp = v4Of(view, 44);
  return {
    ...shared,
    kind: 'map',
    mapping: {
      nonce: new Uint8Array(view.buffer, view.byteOffset + 24, NONCE_BYTES),
      transport,
      port: view.getUint16(40),
      outsidePort: view.getUint16(42),
      lifetimeS: view.getUint32(4),
      ...(outsideIp !== undefined && { outsideIp }),
    },
  };
}

/** RFC 6886 §3.2, §3.3. A failure may be cut after its result. */
function parseNatPmp(view: DataView): PortControlAnswer | undefined {
  const opcode = view.getUint8(1) & ~RESPONSE;
  const shared = { version: 'natPmp', result: view.getUint16(2), epochS: view.getUint32(4) } as const;
  if (opcode === 0) {
    const address = view.byteLength >= 12 ? addressAt(view, 8) : undefined;
    return shared.result === 0 && address === undefined
      ? undefined
      : { ...shared, kind: 'address', ...(address !== undefined && { outsideIp: address }) };
  }
  const transport = opcode === NAT_PMP_MAP.tcp ? 'tcp' : opcode === NAT_PMP_MAP.udp ? 'udp' : undefined;
  if (transport === undefined) {
    return undefined;
  }
  if (view.byteLength < 16) {
    return shared.result === 0 ? undefined : { ...shared, kind: 'map' };
  }
  return {
    ...shared,
    kind: 'map',
    mapping: {
      transport,
      port: view.getUint16(8),
      outsidePort: view.getUint16(10),
      lifetimeS: view.getUint32(12),
    },
  };
}

const transportOf = (protocol: number): Transport | undefined =>
  protocol === PROTOCOL.tcp ? 'tcp' : protocol === PROTOCOL.udp ? 'udp' : undefined;

/** An IPv4-mapped IPv6 address. */
function v4Of(view: DataView, at: number): string | undefined {
  for (const [i, byte] of V4_MAPPED.entries()) {
    if (view.getUint8(at + i) !== byte) {
      return undefined;
    }
  }
  return addressAt(view, at + V4_MAPPED.length);
}

const addressAt = (view: DataView, at: number): string => [0, 1, 2, 3].map((i) => view.getUint8(at + i)).join('.');

/** Finds a restart of the router by its epoch: RFC 6887 §8.5. */
export class EpochWatch {
  #server = 0;
  #client = 0;
  #hasSeen = false;

  /** @param epochS of an answer @param monoMs when it came @returns whether the router has forgotten its mappings since the last one */
  hasRestarted(epochS: number, monoMs: number): boolean {
    const nowS = monoMs / 1_000;
    const clientS = nowS - this.#client;
    const serverS = epochS - this.#server;
    const isOther =
      this.#hasSeen && (serverS < -1 || clientS + 2 < serverS * (15 / 16) || serverS + 2 < clientS * (15 / 16));
    this.#server = epochS;
    this.#client = nowS;
    this.#hasSeen = true;
    return isOther;
  }
}
