import { AccessUnitAssembler } from './access-unit-assembler.ts';
import type { Depacketizer, SenderTraits, UnitSink } from './depacketizer.ts';
import type { NalRules } from './nal-rules.ts';

/** Flags of the fragment header: RFC 6184 §5.8, RFC 7798 §4.4.3. */
export const FU_START = 0x80;
export const FU_END = 0x40;
/** Length of the size before each NAL unit of an aggregation packet. */
export const SIZE_BYTES = 2;

/** What the RTP payloads of H.264 and H.265 have in common; the codec reads the packet types. */
export abstract class NalDepacketizer implements Depacketizer {
  protected readonly units: AccessUnitAssembler;
  /** NAL unit header of a first fragment without payload; -1: none. */
  #emptyStart = -1;

  /** @param sets parameter sets of the SDP */
  constructor(rules: NalRules, sets: readonly Uint8Array[], sink: UnitSink, traits: SenderTraits) {
    this.units = new AccessUnitAssembler(rules, sink, traits);
    for (const nal of sets) {
      rules.keepParameters(nal, 0, nal.length);
    }
    const track = rules.firstTrack();
    if (track) {
      this.units.announce(track);
    }
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    if (gap) {
      this.#emptyStart = -1;
      this.units.gap(ticks);
    }
    if (start < end) {
      this.packet(chunk, start, end, ticks);
    }
    if (marker) {
      this.units.marker();
    }
  }

  /** One payload, which is not empty. */
  protected abstract packet(chunk: Uint8Array, start: number, end: number, ticks: number): void;

  /**
   * One fragment: `chunk[at, end)`.
   * @param flags the fragment header; its two highest bits are used
   * @param header of the NAL unit, as in its first fragment
   */
  protected fragment(chunk: Uint8Array, at: number, end: number, ticks: number, flags: number, header: number): void {
    const { units } = this;
    const isStart = (flags & FU_START) !== 0;
    const begun = isStart ? header : this.#emptyStart;
    const isEmptyStart = isStart && at === end;
    this.#emptyStart = isEmptyStart ? header : -1;
    if (isEmptyStart) {
      return;
    }
    if (begun >= 0) {
      units.beginNal(ticks, begun, chunk, at, end);
    } else if (units.isOpenAt(ticks)) {
      units.append(chunk, at, end);
    } else {
      if (at < end) {
        units.damage('a fragment comes without the beginning of its NAL unit', header);
      }
      return;
    }
    if ((flags & FU_END) !== 0) {
      units.endNal();
    }
  }

  /** Complete NAL units, each after its size in 16 bits: RFC 6184 §5.7.1, RFC 7798 §4.4.2. */
  protected aggregate(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    let at = start;
    while (at + SIZE_BYTES < end) {
      const size = ((chunk[at] as number) << 8) | (chunk[at + 1] as number);
      at += SIZE_BYTES;
      if (at + size > end) {
        this.units.damage(`NAL unit of ${size} bytes in an aggregation packet with ${end - at} bytes left`);
        return;
      }
      this.units.nal(ticks, chunk, at, at + size);
      at += size;
    }
  }
}
