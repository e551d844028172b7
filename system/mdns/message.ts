import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type NsecAnswer,
  type Question,
  type SrvAnswer,
  type StringAnswer,
  type TxtAnswer,
} from 'dns-packet';
import { PerchError } from '../../agent/base/errors.ts';

/** A record to send. `flush`: receivers drop other records of this name and type (RFC 6762 §10.2). */
export type MdnsRecord = StringAnswer | SrvAnswer | TxtAnswer | NsecAnswer;

export interface MdnsQuestion {
  readonly name: string;
  /** `A`, `ANY`. */
  readonly type: string;
  /** The querier prefers a unicast response (RFC 6762 §5.4). */
  readonly wantsUnicast: boolean;
}

export interface HeardRecord {
  readonly name: string;
  readonly type: string;
  readonly ttlSeconds: number;
  /** A string for addresses and names, another value for other types. */
  readonly data: unknown;
}

export interface MdnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  /** More known answers follow (RFC 6762 §7.2). */
  readonly isTruncated: boolean;
  readonly questions: readonly MdnsQuestion[];
  readonly answers: readonly HeardRecord[];
  /** The proposed records of a probe. */
  readonly authorities: readonly HeardRecord[];
}

/** Longest packet that is read: a home full of speakers sends shorter ones; RFC 6762 §17 allows 9000 bytes. */
const MAX_BYTES = 4_096;
const MAX_ITEMS = 128;
const HEADER_BYTES = 12;
/** The class with its top bit set, as the library writes it. */
const UNICAST_IN = 'UNKNOWN_32769';
const UNICAST_ANY = 'UNKNOWN_33023';
const CLASSES: readonly string[] = ['IN', 'ANY', UNICAST_IN, UNICAST_ANY];

/** @throws PerchError badInput */
export function readMessage(bytes: Buffer): MdnsMessage {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_BYTES) {
    throw new PerchError('badInput', `mDNS message of ${bytes.length} bytes, expected ${HEADER_BYTES} to ${MAX_BYTES}`);
  }
  const items = [4, 6, 8, 10].reduce((sum, at) => sum + bytes.readUInt16BE(at), 0);
  if (items > MAX_ITEMS) {
    throw new PerchError('badInput', `mDNS message of ${items} questions and records, more than ${MAX_ITEMS}`);
  }
  try {
    return meaningOf(decode(bytes));
  } catch (cause) {
    throw new PerchError('badInput', 'mDNS message cannot be read', {}, cause);
  }
}

function meaningOf(packet: ReturnType<typeof decode>): MdnsMessage {
  const { id = 0, type, flags = 0, questions = [], answers = [], authorities = [] } = packet;
  // RFC 6762 §18.3 and §18.11: messages with another opcode or response code are ignored.
  if ((flags & 0x780f) !== 0) {
    throw new Error(`flags ${flags.toString(16)}`);
  }
  return {
    id,
    isResponse: type === 'response',
    isTruncated: (flags & 0x0200) !== 0,
    questions: questions.flatMap(({ name, type: asked, class: klass = 'IN' }: AnyQuestion) =>
      CLASSES.includes(klass)
        ? [{ name, type: asked, wantsUnicast: klass === UNICAST_IN || klass === UNICAST_ANY }]
        : [],
    ),
    answers: answers.flatMap(heard),
    authorities: authorities.flatMap(heard),
  };
}

/** The library gives unknown classes as strings. */
type AnyQuestion = { readonly name: string; readonly type: string; readonly class?: string | undefined };
type AnyRecord = { name: string; type: string; class?: unknown; ttl?: unknown; data?: unknown };

function heard(record: object): HeardRecord[] {
  const { name, type, class: klass, ttl, data } = record as AnyRecord;
  return klass === 'IN' && typeof ttl === 'number' ? [{ name, type, ttlSeconds: ttl, data }] : [];
}

/** Asks whether names are free, with the proposed records (RFC 6762 §8.1). */
export function writeProbe(names: readonly string[], records: readonly MdnsRecord[]): Buffer {
  const questions = names.map((name): Question => ({ name, type: 'ANY' as Question['type'] }));
  // The cache-flush bit is not set in queries.
  const authorities = records.map((record) => ({ ...record, flush: false }));
  return encode({ type: 'query', id: 0, flags: 0, questions, authorities });
}

export function writeResponse(answers: readonly MdnsRecord[], additionals: readonly MdnsRecord[] = []): Buffer {
  const flags = AUTHORITATIVE_ANSWER;
  return encode({ type: 'response', id: 0, flags, answers: [...answers], additionals: [...additionals] });
}

/** Maximum TTL for plain DNS (RFC 6762 §6.7). Records there have no cache-flush bit. */
const LEGACY_TTL_SECONDS = 10;

/** A response to a query from another port: such queriers know plain DNS only. */
export function writeLegacyResponse(
  asked: Pick<MdnsMessage, 'id' | 'questions'>,
  answers: readonly MdnsRecord[],
  additionals: readonly MdnsRecord[],
): Buffer {
  const plain = (record: MdnsRecord): MdnsRecord => ({
    ...record,
    flush: false,
    ttl: Math.min(record.ttl ?? 0, LEGACY_TTL_SECONDS),
  });
  return encode({
    type: 'response',
    id: asked.id,
    flags: AUTHORITATIVE_ANSWER,
    questions: asked.questions.map(({ name, type }) => ({ name, type: type as Question['type'] })),
    answers: answers.map(plain),
    additionals: additionals.map(plain),
  });
}

/**
 * Class, type and data of a record with uncompressed names, for comparison (RFC 6762 §8.2). Undefined for an unknown type.
 */
export function bytesOf(record: HeardRecord): Buffer | undefined {
  try {
    const { name, type, data } = record;
    const packed = encode({ type: 'query', answers: [{ name, type, data, ttl: 0, class: 'IN' } as MdnsRecord] });
    const start = HEADER_BYTES + nameBytes(packed);
    const [type16, class16] = [packed.subarray(start, start + 2), packed.subarray(start + 2, start + 4)];
    // TTL and length come before the data.
    return Buffer.concat([class16, type16, packed.subarray(start + 10)]);
  } catch {
    return undefined;
  }
}

function nameBytes(packed: Buffer): number {
  let at = HEADER_BYTES;
  while ((packed[at] ?? 0) !== 0) {
    at += 1 + (packed[at] ?? 0);
  }
  return at + 1 - HEADER_BYTES;
}
