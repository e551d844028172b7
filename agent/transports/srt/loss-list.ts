import { addSequence, sequenceDistance } from './packet.ts';

const RANGE_BIT = 0x8000_0000;
const FULL_WAITS = 2;

interface LostRange {
  first: number;
  last: number;
  /** When the last report was sent, in µs. */
  reportedUs: number;
  reports: number;
}

/** Packets that have not arrived, in order, as ranges. Each range is reported in its own rhythm. */
export class LossList {
  readonly #ranges: LostRange[] = [];

  /** Sequence number of the first missing packet. */
  get first(): number | undefined {
    return this.#ranges[0]?.first;
  }

  /** Appends a range after all others. The caller sends its first report at once. */
  append(first: number, last: number, nowUs: number): void {
    this.#ranges.push({ first, last, reportedUs: nowUs, reports: 1 });
  }

  /** Removes a packet that has arrived. @returns whether it was missing */
  remove(sequence: number): boolean {
    const index = this.#indexOf(sequence);
    const range = this.#ranges[index];
    if (!range || sequenceDistance(sequence, range.first) < 0) {
      return false;
    }
    if (range.first === range.last) {
      this.#ranges.splice(index, 1);
    } else if (sequence === range.first) {
      range.first = addSequence(sequence, 1);
    } else if (sequence === range.last) {
      range.last = addSequence(sequence, -1);
    } else {
      this.#ranges.splice(index + 1, 0, { ...range, first: addSequence(sequence, 1) });
      range.last = addSequence(sequence, -1);
    }
    return true;
  }

  /** Removes all packets before `sequence`. */
  removeBefore(sequence: number): void {
    const count = this.#indexOf(sequence);
    if (count > 0) {
      this.#ranges.splice(0, count);
    }
    const [range] = this.#ranges;
    if (range && sequenceDistance(sequence, range.first) > 0) {
      range.first = sequence;
    }
  }

  /** Removes a range, as a drop request asks. */
  removeRange(first: number, last: number): void {
    for (let index = this.#indexOf(first); ; ) {
      const range = this.#ranges[index];
      if (!range || sequenceDistance(range.first, last) > 0) {
        return;
      }
      const isHeadKept = sequenceDistance(first, range.first) > 0;
      const isTailKept = sequenceDistance(range.last, last) > 0;
      const kept: LostRange[] = [];
      if (isHeadKept) {
        kept.push({ ...range, last: addSequence(first, -1) });
      }
      if (isTailKept) {
        kept.push({ ...range, first: addSequence(last, 1) });
      }
      this.#ranges.splice(index, 1, ...kept);
      if (isTailKept) {
        return;
      }
      index += kept.length;
    }
  }

  /**
   * Writes the ranges whose next report is due (appendix A): twice after `intervalUs`, by which time a retransmission has arrived unless
   * it is lost, then after half of that, because a report may be lost, too.
   * @returns the end of what was written; what does not fit is due the next time
   */
  write(to: Buffer, start: number, intervalUs: number, nowUs: number): number {
    let at = start;
    for (const range of this.#ranges) {
      const waitUs = range.reports <= FULL_WAITS ? intervalUs : Math.max(intervalUs / 2, 20_000);
      if (nowUs - range.reportedUs < waitUs) {
        continue;
      }
      range.reportedUs = nowUs;
      range.reports += 1;
      at = writeRange(to, at, range.first, range.last);
      if (at + 8 > to.length) {
        break;
      }
    }
    return at;
  }

  /** Index of the first range that ends at `sequence` or later; the number of ranges: none. */
  #indexOf(sequence: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sequenceDistance((this.#ranges[middle] as LostRange).last, sequence) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

/** Writes a range of a loss list. @returns the offset after it */
export function writeRange(to: Buffer, at: number, first: number, last: number): number {
  if (first === last) {
    to.writeUInt32BE(first, at);
    return at + 4;
  }
  to.writeUInt32BE((first | RANGE_BIT) >>> 0, at);
  to.writeUInt32BE(last, at + 4);
  return at + 8;
}

/** Calls `onRange` for each range of a loss list. A list that is cut short or reversed ends there. */
export function readRanges(packet: Buffer, start: number, onRange: (first: number, last: number) => void): void {
  for (let at = start; at + 4 <= packet.length; at += 4) {
    const word = packet.readUInt32BE(at);
    if (word < RANGE_BIT) {
      onRange(word, word);
      continue;
    }
    at += 4;
    const first = word - RANGE_BIT;
    if (at + 4 > packet.length) {
      return;
    }
    const last = packet.readUInt32BE(at);
    if (last >= RANGE_BIT || sequenceDistance(last, first) < 0) {
      return;
    }
    onRange(first, last);
  }
}
