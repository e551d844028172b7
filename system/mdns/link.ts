import type { Clock } from '../../agent/base/clock.ts';
import { rethrowUnexpected } from '../../agent/base/errors.ts';
import { PerSecond } from '../../agent/base/network/multicast-socket.ts';
import { answersTo } from './answers.ts';
import {
  type HeardRecord,
  type MdnsMessage,
  type MdnsQuestion,
  type MdnsRecord,
  readMessage,
  writeLegacyResponse,
  writeProbe,
  writeResponse,
} from './message.ts';
import {
  compareClaims,
  heardAs,
  isOfAll,
  isSameName,
  isSameRecord,
  isUnique,
  type Part,
  type Published,
  recordsOf,
} from './records.ts';

export const MDNS_PORT = 5353;
/** RFC 6762 §8.1. */
const PROBES = 3;
const PROBE_MS = 250;
/** RFC 6762 §8.2: for the loser of a simultaneous probe. */
const DEFER_MS = 1_000;
const ANNOUNCE_AGAIN_MS = 1_000;
/** RFC 6762 §6: several hosts may answer and must not collide. */
const SHARED_DELAY_MS = [20, 120] as const;
/** RFC 6762 §7.2. */
const TRUNCATED_DELAY_MS = [400, 500] as const;
/** Questions of one query, and its known answers. */
const MAX_PARTS = 512;

export interface Source {
  readonly address: string;
  readonly port: number;
  readonly isOwn: boolean;
}

interface LinkDeps {
  readonly clock: Pick<Clock, 'monoMs' | 'sleep'>;
  random(): number;
  /** @param to the whole group when absent */
  send(bytes: Buffer, to?: Source): void;
  /** Whether the box has the address in any of its networks. */
  isOwnAddress(address: string): boolean;
  /** Called when another host has the name: the box needs a new one in all networks. */
  onTaken(): void;
  onClaimed(): void;
}

/** A query whose answer waits for further packets. */
interface TruncatedQuery {
  readonly from: Source;
  readonly id: number;
  readonly questions: MdnsQuestion[];
  readonly known: HeardRecord[];
}

type Claim = 'none' | 'ours' | 'machine';

/** Probes for the name in one network, announces it and answers for it (RFC 6762). */
export class Link {
  readonly #deps: LinkDeps;
  readonly #rateLimit: ResponseRateLimit;
  readonly #waiting = new Map<string, TruncatedQuery>();
  /** `machine`: another program of this machine answers for the host name. */
  readonly #claims: Record<Part, Claim> = { host: 'none', service: 'none' };
  #published: Published;
  #round = new AbortController();
  readonly #stop = new AbortController();
  readonly #heard: PerSecond;

  constructor(published: Published, deps: LinkDeps) {
    this.#published = published;
    this.#deps = deps;
    this.#rateLimit = new ResponseRateLimit(deps.clock);
    // A house of a hundred devices may wake up at once.
    this.#heard = new PerSecond(deps.clock, 200);
  }

  get hasName(): boolean {
    return this.#claims.host !== 'none' && this.#claims.service !== 'none';
  }

  /** @param afterMs delay after too many conflicts */
  begin(afterMs = 0): void {
    void this.#claim(afterMs + this.#deps.random() * PROBE_MS);
  }

  /** The name or the port has changed: claimed records are withdrawn. */
  publish(published: Published, afterMs = 0): void {
    const { host, instance, port } = this.#published;
    const isMore = host === published.host && instance === published.instance && port === published.port;
    this.#published = published;
    if (isMore) {
      void this.#announceTwice(this.#round.signal);
      return;
    }
    this.#claims.host = 'none';
    this.#claims.service = 'none';
    this.begin(afterMs);
  }

  /** Probes again for records that another program of this box has: it may have ended silently. */
  askAgain(): void {
    if (this.#claims.host === 'machine') {
      this.#claims.host = 'none';
      this.begin();
    }
  }

  /** Goodbye packets: hosts drop their cached records (RFC 6762 §10.1). */
  goodbye(): void {
    const records = this.#ours().filter((record) => !isOfAll(record));
    this.close();
    if (records.length > 0) {
      this.#deps.send(writeResponse(records.map((record) => ({ ...record, ttl: 0 }))));
    }
  }

  close(): void {
    this.#stop.abort();
    this.#round.abort();
    this.#waiting.clear();
  }

  heard(bytes: Buffer, from: Source): void {
    // Sending to port 0 fails.
    if (this.#stop.signal.aborted || from.port === 0 || !this.#heard.take()) {
      return;
    }
    let message: MdnsMessage;
    try {
      message = readMessage(bytes);
    } catch (error) {
      rethrowUnexpected(error);
      return;
    }
    if (!message.isResponse) {
      this.#queried(message, from);
    } else if (from.port === MDNS_PORT) {
      // RFC 6762 §6: responses from any other port are ignored.
      this.#answered(message.answers, from);
    }
  }

  async #claim(afterMs: number): Promise<void> {
    this.#round.abort();
    this.#round = new AbortController();
    const { signal } = this.#round;
    const { clock, send } = this.#deps;
    await clock.sleep(afterMs, signal);
    for (let probe = 0; probe < PROBES && !signal.aborted; probe += 1) {
      const records = this.#wanted();
      send(writeProbe([...new Set(records.map(({ name }) => name))], records));
      await clock.sleep(PROBE_MS, signal);
    }
    if (signal.aborted) {
      return;
    }
    for (const part of ['host', 'service'] as const) {
      this.#claims[part] = this.#claims[part] === 'none' ? 'ours' : this.#claims[part];
    }
    this.#deps.onClaimed();
    await this.#announceTwice(signal);
  }

  async #announceTwice(signal: AbortSignal): Promise<void> {
    this.#announce();
    await this.#deps.clock.sleep(ANNOUNCE_AGAIN_MS, signal);
    if (!signal.aborted) {
      this.#announce();
    }
  }

  #announce(): void {
    const records = this.#ours();
    if (records.length > 0 && !this.#stop.signal.aborted) {
      this.#multicast(records, [], 0);
    }
  }

  #wanted(): MdnsRecord[] {
    const parts = (['host', 'service'] as const).filter((part) => this.#claims[part] === 'none');
    return parts.flatMap((part) => recordsOf(this.#published, part)).filter(isUnique);
  }

  #ours(): MdnsRecord[] {
    const parts = (['host', 'service'] as const).filter((part) => this.#claims[part] === 'ours');
    return parts.flatMap((part) => recordsOf(this.#published, part));
  }

  #answered(answers: readonly HeardRecord[], from: Source): void {
    for (const record of answers) {
      const part = this.#partOf(record.name);
      if (part === undefined || record.type === 'NSEC' || record.type === 'PTR') {
        continue;
      }
      if (record.ttlSeconds === 0) {
        this.#left(part, record, from);
      } else if (this.#contradicts(record, part)) {
        this.#contradicted(part);
        return;
      } else if (part === 'host' && from.isOwn) {
        this.#claims.host = 'machine';
      } else {
        this.#refresh(record);
      }
    }
  }

  #partOf(name: string): Part | undefined {
    const { host, instance } = this.#published;
    return isSameName(name, host) ? 'host' : isSameName(name, instance) ? 'service' : undefined;
  }

  /** An address of ours in another network of the box is not a conflict. */
  #contradicts(record: HeardRecord, part: Part): boolean {
    if (part === 'host') {
      const isAddress = record.type === 'A' || record.type === 'AAAA';
      return isAddress && !this.#deps.isOwnAddress(String(record.data));
    }
    const own = recordsOf(this.#published, 'service').filter(({ type }) => type === record.type);
    return own.length > 0 && !own.some((one) => isSameRecord(heardAs(one), record));
  }

  /** Our records are probed again; a host that answers then keeps them (RFC 6762 §9). */
  #contradicted(part: Part): void {
    if (this.#claims[part] === 'none') {
      this.#deps.onTaken();
      return;
    }
    this.#claims[part] = 'none';
    void this.#claim(0);
  }

  /** A host says goodbye for a record that is also ours. */
  #left(part: Part, record: HeardRecord, from: Source): void {
    if (part === 'host' && this.#claims.host === 'machine' && from.isOwn) {
      this.#claims.host = 'none';
      this.begin();
    } else {
      this.#refresh(record);
    }
  }

  /** RFC 6762 §6.6: a record announced with a shorter TTL than ours is announced again. */
  #refresh(record: HeardRecord): void {
    const own = this.#ours().find((one) => isSameRecord(heardAs(one), record));
    if (own && record.ttlSeconds < (own.ttl ?? 0) / 2) {
      this.#multicast(this.#ours().filter(({ name, type }) => name === own.name && type === own.type));
    }
  }

  #queried(message: MdnsMessage, from: Source): void {
    const { id, questions, answers: known, authorities, isTruncated } = message;
    const isProbe = authorities.length > 0;
    const key = `${from.address} ${from.port}`;
    // A prober has to hear of us before it takes the name.
    const waiting = isProbe ? undefined : this.#waiting.get(key);
    if (waiting) {
      waiting.known.push(...known.slice(0, MAX_PARTS - waiting.known.length));
      waiting.questions.push(...questions.slice(0, MAX_PARTS - waiting.questions.length));
      return;
    }
    if (isProbe && this.#rivalled(authorities, from)) {
      return;
    }
    const { answers } = answersTo(questions, this.#ours(), known);
    if (answers.length === 0) {
      return;
    }
    const asked = { from, id, questions: [...questions], known: [...known] };
    const range = isTruncated ? TRUNCATED_DELAY_MS : answers.every(isUnique) ? undefined : SHARED_DELAY_MS;
    // Plain DNS has a query id and is answered by unicast.
    const isPlain = from.port !== MDNS_PORT;
    if (isProbe || isPlain || range === undefined) {
      this.#answer(asked, isProbe);
    } else if (this.#waiting.size < 32) {
      void this.#answerLater(key, asked, range);
    }
  }

  /** @returns whether a probe needs no answer */
  #rivalled(authorities: readonly HeardRecord[], from: Source): boolean {
    const claims = authorities.filter(({ name }) => this.#partOf(name) !== undefined);
    const contradicts = claims.some((record) => this.#contradicts(record, this.#partOf(record.name) ?? 'host'));
    if (!contradicts) {
      if (from.isOwn && this.#claims.host === 'ours' && claims.some(({ name }) => this.#partOf(name) === 'host')) {
        // Another program of this box claims the same records: both would conflict.
        this.#claims.host = 'machine';
      }
      return from.isOwn;
    }
    for (const part of ['host', 'service'] as const) {
      const theirs = claims.filter(({ name }) => this.#partOf(name) === part);
      if (this.#claims[part] === 'none' && theirs.length > 0) {
        const ours = recordsOf(this.#published, part).filter(isUnique).map(heardAs);
        if (compareClaims(ours, theirs) < 0) {
          void this.#claim(DEFER_MS);
          return true;
        }
      }
    }
    return false;
  }

  async #answerLater(key: string, waiting: TruncatedQuery, [minMs, maxMs]: readonly [number, number]): Promise<void> {
    const { clock, random } = this.#deps;
    this.#waiting.set(key, waiting);
    await clock.sleep(minMs + random() * (maxMs - minMs), this.#stop.signal);
    this.#waiting.delete(key);
    if (!this.#stop.signal.aborted) {
      this.#answer(waiting, false);
    }
  }

  #answer({ from, id, questions, known }: TruncatedQuery, isProbe: boolean): void {
    const { answers, additionals } = answersTo(questions, this.#ours(), known);
    if (answers.length === 0) {
      return;
    }
    if (from.port !== MDNS_PORT) {
      if (this.#rateLimit.maySendUnicast()) {
        this.#deps.send(writeLegacyResponse({ id, questions }, answers, additionals), from);
      }
      return;
    }
    const alone = answers.filter((record) => wantsUnicast(questions, record) && this.#rateLimit.isFresh(record));
    if (alone.length > 0 && this.#rateLimit.maySendUnicast()) {
      this.#deps.send(writeResponse(alone, additionals), from);
    }
    this.#multicast(
      answers.filter((record) => !alone.includes(record)),
      additionals,
      isProbe ? PROBE_MS : undefined,
    );
  }

  /** @param minMs since each was last sent */
  #multicast(answers: readonly MdnsRecord[], additionals: readonly MdnsRecord[] = [], minMs?: number): void {
    const news = answers.filter((record) => this.#rateLimit.maySend(record, minMs));
    if (news.length > 0) {
      const more = additionals.filter((record) => this.#rateLimit.maySend(record, minMs));
      this.#rateLimit.sent([...news, ...more]);
      this.#deps.send(writeResponse(news, more));
    }
  }
}

const wantsUnicast = (questions: readonly MdnsQuestion[], { name, type }: MdnsRecord): boolean =>
  questions.every(
    (one) => one.wantsUnicast || !isSameName(one.name, name) || (one.type !== 'ANY' && one.type !== type),
  );

class ResponseRateLimit {
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #sentMs = new Map<string, number>();
  readonly #unicast: PerSecond;

  constructor(clock: Pick<Clock, 'monoMs'>) {
    this.#clock = clock;
    // The address of a unicast response could be forged.
    this.#unicast = new PerSecond(clock, 50);
  }

  /** @param minMs RFC 6762 §6 */
  maySend(record: MdnsRecord, minMs = 1_000): boolean {
    return this.#clock.monoMs() - (this.#sentMs.get(recordKey(record)) ?? Number.NEGATIVE_INFINITY) >= minMs;
  }

  sent(records: readonly MdnsRecord[]): void {
    // The box has some ten records.
    if (this.#sentMs.size > 64) {
      this.#sentMs.clear();
    }
    for (const record of records) {
      this.#sentMs.set(recordKey(record), this.#clock.monoMs());
    }
  }

  /** Whether the record was multicast less than a quarter of its TTL ago: a unicast response is enough (RFC 6762 §5.4). */
  isFresh(record: MdnsRecord): boolean {
    return !this.maySend(record, ((record.ttl ?? 0) * 1_000) / 4);
  }

  maySendUnicast(): boolean {
    return this.#unicast.take();
  }
}

const recordKey = ({ name, type, data }: MdnsRecord): string =>
  type === 'PTR' ? `${type} ${name} ${data}` : `${type} ${name.toLowerCase()}`;
