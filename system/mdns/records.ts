import type { SrvData } from 'dns-packet';
import { canonicalIp } from '../../agent/base/network/ip-address.ts';
import { bytesOf, type HeardRecord, type MdnsRecord } from './message.ts';

/** RFC 6762 §10: records with an address or host name have the shorter TTL. */
const HOST_TTL_SECONDS = 120;
const OTHER_TTL_SECONDS = 75 * 60;

const SERVICE = '_http._tcp.local';
/** Service of a box with HTTPS. Its instance is the box's id, by which paired servers find the box at a new address. */
const BOX_SERVICE = '_perch._tcp.local';
const SERVICES = '_services._dns-sd._udp.local';

/** What the box publishes in one network. */
export interface Published {
  /** `perch.local`. */
  readonly host: string;
  /** `Perch._http._tcp.local`. */
  readonly instance: string;
  readonly port: number;
  readonly addresses: readonly string[];
  readonly box?: AnnouncedBox | undefined;
}

/** What servers that the box is paired with look for. */
export interface AnnouncedBox {
  readonly id: string;
  /** HTTPS port. */
  readonly port: number;
}

/** `1a2b3c4d5e6f7a8b._perch._tcp.local` */
export const boxInstance = (id: string): string => `${id}.${BOX_SERVICE}`;

/** Parts that are claimed separately: another program of this box may already have the host name. */
export type Part = 'host' | 'service';

export function recordsOf({ host, instance, port, addresses, box }: Published, part: Part): MdnsRecord[] {
  if (part === 'host') {
    return addresses.map((data) => {
      const type = data.includes(':') ? 'AAAA' : 'A';
      return { name: host, type, ttl: HOST_TTL_SECONDS, flush: true, data };
    });
  }
  const server = { priority: 0, weight: 0, port, target: host };
  return [
    { name: SERVICE, type: 'PTR', ttl: OTHER_TTL_SECONDS, data: instance },
    { name: instance, type: 'SRV', ttl: HOST_TTL_SECONDS, flush: true, data: server },
    { name: instance, type: 'TXT', ttl: OTHER_TTL_SECONDS, flush: true, data: ['path=/'] },
    { name: SERVICES, type: 'PTR', ttl: OTHER_TTL_SECONDS, data: SERVICE },
    ...(box ? boxRecords(boxInstance(box.id), { ...server, port: box.port }) : []),
  ];
}

function boxRecords(instance: string, data: SrvData): MdnsRecord[] {
  return [
    { name: BOX_SERVICE, type: 'PTR', ttl: OTHER_TTL_SECONDS, data: instance },
    { name: instance, type: 'SRV', ttl: HOST_TTL_SECONDS, flush: true, data },
    { name: instance, type: 'TXT', ttl: OTHER_TTL_SECONDS, flush: true, data: [''] },
    { name: SERVICES, type: 'PTR', ttl: OTHER_TTL_SECONDS, data: BOX_SERVICE },
  ];
}

/** Whether only one host may publish the record. */
export const isUnique = ({ type }: Pick<MdnsRecord, 'type'>): boolean => type !== 'PTR';

/** Whether other devices publish the same record: this box does not withdraw it. */
export const isOfAll = ({ name }: MdnsRecord): boolean => name === SERVICES;

/** NSEC for a type that our name lacks: the querier need not wait (RFC 6762 §6.1). */
export function lackOf(name: string, records: readonly MdnsRecord[]): MdnsRecord | undefined {
  const unique = records.filter((record) => isUnique(record) && isSameName(record.name, name));
  const types = [...new Set(unique.map(({ type }) => type))];
  return types.length === 0
    ? undefined
    : { name, type: 'NSEC', ttl: HOST_TTL_SECONDS, flush: true, data: { nextDomain: name, rrtypes: types } };
}

/** Names are compared without case. */
export const isSameName = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

export const heardAs = ({ name, type, ttl: ttlSeconds = 0, data }: MdnsRecord): HeardRecord => ({
  name,
  type,
  ttlSeconds,
  data,
});

export function isSameRecord(one: HeardRecord, other: HeardRecord): boolean {
  if (one.type !== other.type || !isSameName(one.name, other.name)) {
    return false;
  }
  if (typeof one.data === 'string' && typeof other.data === 'string') {
    const isAddress = one.type === 'A' || one.type === 'AAAA';
    return isAddress ? canonicalIp(one.data) === canonicalIp(other.data) : isSameName(one.data, other.data);
  }
  if (one.type === 'SRV') {
    return serverOf(one.data) === serverOf(other.data);
  }
  const bytes = bytesOf(one);
  return bytes !== undefined && bytesOf(other)?.equals(bytes) === true;
}

function serverOf(data: unknown): string {
  const { port, target } = (data ?? {}) as { port?: unknown; target?: unknown };
  return `${port} ${String(target).toLowerCase()}`;
}

/**
 * Decides between simultaneous probes for a name (RFC 6762 §8.2): the lexicographically later records win.
 * @returns above 0: ours; 0: equal
 */
export function compareClaims(ours: readonly HeardRecord[], theirs: readonly HeardRecord[]): number {
  const [a, b] = [inOrder(ours), inOrder(theirs)];
  for (const [i, bytes] of a.entries()) {
    const other = b[i];
    const order = other ? Buffer.compare(bytes, other) : 1;
    if (order !== 0) {
      return order;
    }
  }
  return a.length - b.length;
}

const inOrder = (records: readonly HeardRecord[]): Buffer[] =>
  records.flatMap((record) => bytesOf(record) ?? []).sort(Buffer.compare);
