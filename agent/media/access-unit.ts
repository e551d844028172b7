import { DecodeTimes, type PictureOrder } from './decode-times.ts';
import type { UnitSink } from './depacketizer.ts';
import { findStartCode, trimZeros } from './nal.ts';
import { hasSameSets } from './parameter-sets.ts';
import type { NalTrack } from './track.ts';
import { UnitBuffer, VIDEO_UNITS } from './unit-buffer.ts';

/** What a NAL unit is for the access unit that it is in. Numbers, because it is asked for each. */
export const NAL = {
  /** Of no use in a sample: filler, end marks, layers that nobody decodes, reserved types. */
  drop: 0,
  /** Access unit delimiter: not kept, but a new access unit begins. */
  delimiter: 1,
  /** Parameter set: kept on the track. */
  parameters: 2,
  /** SEI: kept. It carries captions, camera times, recovery points and what else the camera wants on record, and is small. */
  prefix: 3,
  slice: 4,
  /** Kept, belongs to the slices before it. */
  suffix: 5,
} as const;
export type NalKind = (typeof NAL)[keyof typeof NAL];

/** Whether a slice is the first of its picture. */
export const SLICE = {
  continues: 0,
  begins: 1,
  /** Second field of a frame: belongs to the first, or stands alone where it has its own time. */
  either: 2,
} as const;
export type SliceStart = (typeof SLICE)[keyof typeof SLICE];

/** What the assembly asks the codec. `header` is the NAL unit header as a number, of 1 (H.264) or 2 bytes (H.265). */
export interface NalRules {
  readonly headerBytes: 1 | 2;
  kindOf(header: number): NalKind;
  isKey(header: number): boolean;
  /** @param at first byte behind the NAL unit header */
  sliceStart(header: number, data: Uint8Array, at: number, end: number): SliceStart;
  /** An SEI NAL unit from which on a decoder can recover. */
  isRecoveryPoint(data: Uint8Array, start: number, end: number): boolean;
  /** Keeps a copy of the parameter set if it is new and valid. */
  keepParameters(data: Uint8Array, start: number, end: number): void;
  /** Reads the first slice header of a unit: `poc`, `startsOrder` and `track` are about it afterwards. */
  readSlice(data: Uint8Array, start: number, end: number): void;
  /** Picture order count; undefined: cannot be known. */
  readonly poc: number | undefined;
  /** Picture order counts start anew with this unit. */
  readonly startsOrder: boolean;
  /** The description that the slice refers to, the same object while nothing changes; undefined: its parameter sets have not come. */
  track(): NalTrack | undefined;
  order(): PictureOrder;
}

/** After so long without a key picture a recovery point counts as one: some encoders refresh bit by bit and send one IDR picture in their life, or none. */
const KEYLESS_TICKS = 10 * 90_000;
/** SEI that waits for its slices, of cameras that give it a time of its own. */
const WAITING_PREFIX_BYTES = 64 << 10;
/** Leading pictures come right behind their key picture. */
const LEADING_TICKS = 5 * 90_000;

/**
 * Puts NAL units together to access units, whatever the camera does with its markers:
 * a unit ends when the timestamp changes, when a delimiter or a first slice follows slices, and at once at a marker behind slices.
 * If slices of the same picture follow such a marker, this camera's markers lie (they end slices, not pictures), and are not looked at again.
 *
 * After damage nothing is given on until the next key unit: a viewer sees a still picture, not a smeared one.
 */
export class AccessUnits {
  readonly #rules: NalRules;
  readonly #sink: UnitSink;
  readonly #buffer = new UnitBuffer(VIDEO_UNITS);
  readonly #times = new DecodeTimes();
  #track: NalTrack | undefined;

  // The unit in the making.
  #ticks = 0;
  #slices = 0;
  #firstSliceOffset = 0;
  #firstSliceBytes = 0;
  #isKeyUnit = false;
  #hasRecoveryPoint = false;
  #isDamaged = false;

  // The NAL unit in the making.
  #isNalOpen = false;
  #isNalSkipped = false;
  #nalKind: NalKind = NAL.drop;

  // What is known about the stream.
  #isWaiting = true;
  #isAnnexB = false;
  #areMarkersWrong = false;
  #markedTicks = Number.NaN;
  #lastKeyTicks = Number.NaN;
  #leadingBefore = Number.NEGATIVE_INFINITY;

  constructor(rules: NalRules, sink: UnitSink) {
    this.#rules = rules;
    this.#sink = sink;
  }

  /** The description is known already, from the SDP. */
  announce(track: NalTrack): void {
    this.#track = track;
    this.#times.configure(this.#rules.order());
    this.#sink.onTrack(track);
  }

  /** A fragment with this timestamp can be appended to the NAL unit in the making. */
  isOpenAt(ticks: number): boolean {
    return this.#isNalOpen && ticks === this.#ticks;
  }

  /** Packets are missing: what is gathered is incomplete, and so is the chain of references. */
  gap(): void {
    this.damage('packets are missing');
    this.#startUnit();
  }

  /** One whole NAL unit. */
  nal(ticks: number, data: Uint8Array, start: number, end: number): void {
    if (end - start < this.#rules.headerBytes) {
      return;
    }
    const header = this.#headerAt(data, start);
    const mayHoldMore = this.#isAnnexB || data[start] === 0 || this.#rules.kindOf(header) !== NAL.slice;
    if (mayHoldMore && findStartCode(data, start, end) >= 0) {
      this.#split(ticks, data, start, end);
    } else {
      this.#whole(ticks, data, start, end);
    }
  }

  /**
   * A NAL unit begins whose rest comes in fragments.
   * @param data,at,end its first bytes behind the header
   */
  beginNal(ticks: number, header: number, data: Uint8Array, at: number, end: number): void {
    this.#openNal(ticks, header, data, at, end);
    if (!this.#isNalSkipped) {
      const isRoom =
        this.#buffer.beginNal() &&
        (this.#rules.headerBytes === 1 || this.#buffer.appendByte(header >> 8)) &&
        this.#buffer.appendByte(header & 0xff);
      if (!isRoom) {
        this.#overflow();
      }
    }
    this.append(data, at, end);
  }

  append(data: Uint8Array, at: number, end: number): void {
    if (!this.#isNalSkipped && !this.#buffer.append(data, at, end)) {
      this.#overflow();
    }
  }

  endNal(): void {
    this.#isNalOpen = false;
    if (this.#isNalSkipped) {
      return;
    }
    const buffer = this.#buffer;
    const { slab, nalStart, tail } = buffer;
    const kind = this.#nalKind;
    if (kind === NAL.slice && !this.#isAnnexB) {
      this.#keepNal();
    } else if (findStartCode(slab, nalStart, tail) >= 0) {
      const copy = slab.slice(nalStart, tail);
      buffer.cancelNal();
      this.#slices -= kind === NAL.slice ? 1 : 0;
      this.#split(this.#ticks, copy, 0, copy.length);
    } else if (kind === NAL.parameters) {
      this.#rules.keepParameters(slab, nalStart, trimZeros(slab, nalStart, tail));
      buffer.cancelNal();
    } else if (kind === NAL.drop || kind === NAL.delimiter) {
      buffer.cancelNal();
    } else {
      this.#keepNal();
    }
  }

  /** The packet with the RTP marker bit is through. */
  marker(): void {
    if (this.#slices > 0 && !this.#isNalOpen && !this.#areMarkersWrong) {
      this.#markedTicks = this.#ticks;
      this.#flush();
    }
  }

  /** The unit in the making cannot be completed. */
  damage(reason: string): void {
    const isNews = !this.#isDamaged && (!this.#isWaiting || this.#isKeyUnit);
    this.#isDamaged = true;
    this.#isWaiting = true;
    this.#isNalOpen = false;
    this.#isNalSkipped = true;
    this.#times.restart();
    this.#buffer.drop();
    if (isNews) {
      this.#sink.onDamage(reason);
    }
  }

  #headerAt(data: Uint8Array, at: number): number {
    const first = data[at] as number;
    return this.#rules.headerBytes === 1 ? first : (first << 8) | (data[at + 1] as number);
  }

  #whole(ticks: number, data: Uint8Array, start: number, end: number): void {
    const header = this.#headerAt(data, start);
    this.#openNal(ticks, header, data, start + this.#rules.headerBytes, end);
    this.#isNalOpen = false;
    if (this.#nalKind === NAL.parameters) {
      this.#rules.keepParameters(data, start, trimZeros(data, start, end));
    } else if (!this.#isNalSkipped && this.#nalKind >= NAL.prefix) {
      if (this.#buffer.beginNal() && this.#buffer.append(data, start, end)) {
        this.#keepNal();
      } else {
        this.#overflow();
      }
    }
  }

  /** A payload that holds a byte stream, with start codes between its NAL units. V380: parameter sets and IDR in one packet. */
  #split(ticks: number, data: Uint8Array, start: number, end: number): void {
    this.#isAnnexB = true;
    let at = start;
    while (at < end) {
      const code = findStartCode(data, at, end);
      const nalEnd = trimZeros(data, at, code < 0 ? end : code);
      if (nalEnd - at >= this.#rules.headerBytes) {
        this.#whole(ticks, data, at, nalEnd);
      }
      at = code < 0 ? end : code + 3;
    }
  }

  #openNal(ticks: number, header: number, data: Uint8Array, at: number, end: number): void {
    if (this.#isNalOpen) {
      this.damage('a fragmented NAL unit has no end');
    }
    const kind = this.#rules.kindOf(header);
    const start = kind === NAL.slice ? this.#rules.sliceStart(header, data, at, end) : SLICE.continues;
    if (ticks !== this.#ticks) {
      this.#flush();
      this.#moveTo(ticks);
    } else if (this.#slices > 0 && (kind === NAL.delimiter || start === SLICE.begins)) {
      this.#flush();
    }
    if (kind === NAL.slice) {
      this.#countSlice(ticks, header, start);
    }
    this.#nalKind = kind;
    this.#isNalOpen = true;
    // SEI behind slices of its own picture is against the order of H.264 §7.4.1.2.3, and some decoders refuse it.
    const isLatePrefix = kind === NAL.prefix && this.#slices > 0;
    this.#isNalSkipped = isLatePrefix || (this.#isDamaged && kind !== NAL.parameters);
  }

  #countSlice(ticks: number, header: number, start: SliceStart): void {
    if (this.#slices === 0 && start === SLICE.continues && !this.#isDamaged) {
      const isRestOfMarked = ticks === this.#markedTicks;
      this.#areMarkersWrong ||= isRestOfMarked;
      this.damage(
        isRestOfMarked ? 'slices follow the marker: this camera sets it too early' : 'first slice is missing',
      );
    }
    this.#slices += 1;
    this.#isKeyUnit ||= this.#rules.isKey(header);
  }

  #keepNal(): void {
    const buffer = this.#buffer;
    buffer.endNal();
    if (this.#nalKind === NAL.slice && this.#firstSliceBytes === 0) {
      this.#firstSliceOffset = buffer.nalStart - buffer.start;
      this.#firstSliceBytes = buffer.tail - buffer.nalStart;
    } else if (this.#nalKind === NAL.prefix) {
      this.#hasRecoveryPoint ||= this.#rules.isRecoveryPoint(buffer.slab, buffer.nalStart, buffer.tail);
    }
  }

  #overflow(): void {
    this.damage(`access unit is larger than ${VIDEO_UNITS.unitLimitBytes} bytes`);
  }

  /** Without slices there is no picture yet: SEI with a time of its own waits for them. */
  #moveTo(ticks: number): void {
    this.#ticks = ticks;
    if (this.#buffer.sizeBytes > WAITING_PREFIX_BYTES) {
      this.#buffer.drop();
    }
    this.#isDamaged = false;
  }

  #flush(): void {
    if (this.#slices === 0) {
      return;
    }
    if (!this.#isDamaged && this.#firstSliceBytes > 0) {
      this.#deliver();
    }
    this.#startUnit();
  }

  #startUnit(): void {
    this.#buffer.drop();
    this.#slices = 0;
    this.#firstSliceBytes = 0;
    this.#isKeyUnit = false;
    this.#hasRecoveryPoint = false;
    this.#isDamaged = false;
    this.#isNalSkipped = true;
  }

  #deliver(): void {
    const rules = this.#rules;
    const sliceStart = this.#buffer.start + this.#firstSliceOffset;
    rules.readSlice(this.#buffer.slab, sliceStart, sliceStart + this.#firstSliceBytes);
    const key = this.#isKeyUnit || this.#isLateRecovery();
    if (!key && (this.#isWaiting || this.#isLeading())) {
      return;
    }
    if (key && !this.#describe()) {
      this.#isWaiting = true;
      return;
    }
    if (!this.#times.next(this.#ticks, rules.poc, rules.startsOrder)) {
      this.damage('frames are reordered deeper than was known');
      return;
    }
    if (key) {
      // Leading pictures refer to pictures before their key picture, which are missing now (H.265 §3: RASL).
      this.#leadingBefore = this.#isWaiting ? this.#ticks : Number.NEGATIVE_INFINITY;
      this.#lastKeyTicks = this.#ticks;
      this.#isWaiting = false;
    }
    const times = this.#times;
    this.#sink.onUnit(times.pts, times.dts, key, this.#buffer.take());
  }

  /** Tells the sink when the parameter sets of this key unit are not those of the last. False: they are missing. */
  #describe(): boolean {
    const track = this.#rules.track();
    if (!track || track === this.#track) {
      return track !== undefined;
    }
    const isChange = !this.#track || !hasSameSets(track, this.#track);
    this.#track = track;
    if (isChange) {
      this.#times.configure(this.#rules.order());
      this.#sink.onTrack(track);
    }
    return true;
  }

  #isLateRecovery(): boolean {
    if (Number.isNaN(this.#lastKeyTicks)) {
      this.#lastKeyTicks = this.#ticks;
    }
    return this.#hasRecoveryPoint && Math.abs(this.#ticks - this.#lastKeyTicks) > KEYLESS_TICKS;
  }

  #isLeading(): boolean {
    const distance = this.#leadingBefore - this.#ticks;
    return distance > 0 && distance < LEADING_TICKS;
  }
}
