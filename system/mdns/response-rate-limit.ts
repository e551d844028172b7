import type { Clock } from '../../agent/base/clock.ts';
import { PerSecond } from '../../agent/base/network/multicast-socket.ts';
import type { MdnsRecord } from './message.ts';

export class ResponseRateLimit {
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
