import type { Encryption } from './encryption.ts';
import { LossList } from './loss-list.ts';
import { addSequence, HEADER_BYTES, KEY_SHIFT, RETRANSMITTED, sequenceDistance } from './packet.ts';
import { MAX_WINDOW, offsetOf, PacketRing, slotOf } from './packet-ring.ts';
import type { SrtStatistics } from './statistics.ts';
import type { TsbpdClock } from './tsbpd-clock.ts';

const UNREADABLE = 1;
const SEQUENCE_BIT = 0x8000_0000;

/** Receives a payload: a view that is valid during the call only. */
type Deliver = (payload: Uint8Array) => void;

/** Received packets until they are due (§4.5); missing ones are dropped when a later one is due (§4.6). */
export class Receiver {
  readonly losses = new LossList();
  readonly #clock: TsbpdClock;
  readonly #encryption: Encryption | undefined;
  readonly #statistics: SrtStatistics;
  readonly #deliver: Deliver;
  readonly #ring = new PacketRing();
  /** Sequence number of the next packet to be delivered. */
  #base: number;
  /** Sequence number after the newest packet. */
  #next: number;
  /** No packet before this sequence number is stored. Keeps searches short if a publisher leaves most of the window empty. */
  #searched: number;
  #stored = 0;
  #storedBytes = 0;

  constructor(
    firstSequence: number,
    clock: TsbpdClock,
    encryption: Encryption | undefined,
    statistics: SrtStatistics,
    deliver: Deliver,
  ) {
    this.#base = firstSequence;
    this.#next = firstSequence;
    this.#searched = firstSequence;
    this.#clock = clock;
    this.#encryption = encryption;
    this.#statistics = statistics;
    this.#deliver = deliver;
  }

  /** Sequence number of the first packet that is missing. */
  get acknowledged(): number {
    return this.losses.first ?? this.#next;
  }

  get free(): number {
    return MAX_WINDOW - sequenceDistance(this.#next, this.#base);
  }

  get stored(): number {
    return this.#stored;
  }

  get storedBytes(): number {
    return this.#storedBytes;
  }

  get storedMs(): number {
    if (this.#stored === 0) {
      return 0;
    }
    const newest = this.#timeOf(addSequence(this.#next, -1));
    const oldest = this.#timeOf(this.#firstStored());
    return Math.max(0, Math.round((newest - oldest) / 1000));
  }

  /**
   * @param packet a data packet, copied
   * @returns number of packets found to be missing before it, the last ones in `losses`
   */
  receive(packet: Buffer, nowUs: number): number {
    const size = packet.length - HEADER_BYTES;
    const sequence = packet.readUInt32BE(0) & (SEQUENCE_BIT - 1);
    const flags = packet.readUInt32BE(4);
    const timeUs = this.#clock.unwrap(packet.readUInt32BE(8));
    this.#statistics.countReceived(size, (flags & RETRANSMITTED) !== 0);
    const offset = sequenceDistance(sequence, this.#base);
    if (offset < 0) {
      this.#statistics.countBelated(size, nowUs - this.#clock.dueUs(timeUs));
      return 0;
    }
    if (offset >= MAX_WINDOW) {
      this.#statistics.counts.packetsReceivedDrop += 1;
      return 0;
    }
    const ahead = sequenceDistance(sequence, this.#next);
    if (ahead < 0 && !this.losses.remove(sequence)) {
      return 0;
    }
    if (ahead > 0) {
      this.losses.append(this.#next, addSequence(sequence, -1), nowUs);
      this.#statistics.counts.packetsReceivedLoss += ahead;
    }
    if (ahead >= 0) {
      this.#next = addSequence(sequence, 1);
    }
    this.#store(packet, sequence, (flags >>> KEY_SHIFT) & 3, timeUs);
    return Math.max(0, ahead);
  }

  /** Delivers the packets that are due. @param maySkip whether missing packets before them are given up */
  deliver(nowUs: number, maySkip = true): void {
    while (this.#stored > 0) {
      const first = this.#firstStored();
      if (this.#clock.dueUs(this.#timeOf(first)) > nowUs) {
        return;
      }
      const skipped = sequenceDistance(first, this.#base);
      if (skipped > 0 && !maySkip) {
        return;
      }
      if (skipped > 0) {
        this.#statistics.counts.packetsReceivedDrop += skipped;
        this.losses.removeBefore(first);
        this.#skipTo(first);
      }
      this.#deliverFirst();
    }
  }

  /** The sender has dropped a range. */
  dropRange(first: number, last: number): void {
    if (sequenceDistance(last, this.#base) >= 0 && sequenceDistance(last, this.#next) < 0) {
      this.losses.removeRange(first, last);
    }
  }

  #store(packet: Buffer, sequence: number, keyField: number, timeUs: number): void {
    const slab = this.#ring.take(sequence);
    const slot = slotOf(sequence);
    const at = offsetOf(sequence);
    const size = packet.length - HEADER_BYTES;
    slab.bytes.set(packet.subarray(HEADER_BYTES), at);
    // An empty packet counts as one byte, because size 0 means that no packet is stored.
    const storedBytes = Math.max(1, size);
    slab.sizes[slot] = storedBytes;
    slab.timesUs[slot] = timeUs;
    slab.marks[slot] = size === 0 ? UNREADABLE : 0;
    this.#stored += 1;
    this.#storedBytes += storedBytes;
    if (sequenceDistance(sequence, this.#searched) < 0) {
      this.#searched = sequence;
    }
    const isReadable =
      this.#encryption === undefined
        ? keyField === 0
        : this.#encryption.decrypt(keyField, sequence, slab.bytes, at, at + size);
    if (!isReadable) {
      this.#statistics.counts.packetsReceivedUndecrypt += 1;
      this.#statistics.payload.undecrypt += size;
      slab.marks[slot] = UNREADABLE;
    } else {
      this.#statistics.counts.packetsReceivedUnique += 1;
      this.#statistics.payload.receivedUnique += size;
    }
  }

  #deliverFirst(): void {
    const sequence = this.#base;
    const slab = this.#ring.find(sequence);
    const slot = slotOf(sequence);
    const size = slab?.sizes[slot] ?? 0;
    this.#stored -= 1;
    this.#storedBytes -= size;
    this.#base = addSequence(sequence, 1);
    this.#searched = this.#base;
    const at = offsetOf(sequence);
    const payload = slab && slab.marks[slot] !== UNREADABLE ? slab.bytes.subarray(at, at + size) : undefined;
    if (payload) {
      this.#deliver(payload);
    }
    this.#ring.release(sequence);
  }

  #skipTo(sequence: number): void {
    while (this.#base !== sequence) {
      this.#ring.release(this.#base);
      this.#base = addSequence(this.#base, 1);
    }
  }

  /** Sequence number of the first stored packet; called only while one is stored. */
  #firstStored(): number {
    let sequence = this.#searched;
    while ((this.#ring.find(sequence)?.sizes[slotOf(sequence)] ?? 0) === 0) {
      sequence = addSequence(sequence, 1);
    }
    this.#searched = sequence;
    return sequence;
  }

  #timeOf(sequence: number): number {
    return this.#ring.find(sequence)?.timesUs[slotOf(sequence)] ?? 0;
  }
}
