import { SampleBuffer, VIDEO_SAMPLES } from '../sample/sample-buffer.ts';
import type { NalTrack } from '../sample/track.ts';
import { DecodeTimes, TimedUnits, type UnitTimes } from './decode-times.ts';
import type { SenderTraits, UnitSink } from './depacketizer.ts';
import { MarkerTrust } from './marker-trust.ts';
import { findStartCode, trimZeros } from './nal.ts';
import { NAL, type NalKind, type NalRules, SLICE, type SliceStart } from './nal-rules.ts';
import { hasSameSets } from './parameter-sets.ts';
import { PictureChain, SHOWN } from './picture-chain.ts';

/** Most bytes of SEI that are kept for its slices: some cameras send it with another timestamp. */
const MAX_PREFIX_BYTES = 64 << 10;

/** The NAL unit whose bytes are arriving. */
const OPEN = { none: 0, kept: 1, skipped: 2 } as const;

/** What is known of the access unit that is being assembled. */
class UnitInProgress {
  ticks = 0;
  slices = 0;
  firstSliceOffset = 0;
  firstSliceBytes = 0;
  isKey = false;
  hasRecoveryPoint = false;
  isDamaged = false;
  isDisposable = true;
  /** All missing packets belong to this unit. */
  isLossWithin = false;

  /** The ticks stay: the next unit may have the same. */
  reset(): void {
    this.slices = 0;
    this.firstSliceBytes = 0;
    this.isKey = false;
    this.hasRecoveryPoint = false;
    this.isDamaged = false;
    this.isDisposable = true;
    this.isLossWithin = false;
  }
}

/**
 * Assembles NAL units into access units. A unit ends when the timestamp changes, when a delimiter or a first slice follows slices, and
 * at once at a marker after slices.
 * With untrusted markers, the next NAL unit decides: if it continues the picture after the first marker, this camera marks slices, and
 * its markers are ignored.
 * If fragmented NAL units never have an end flag, each ends where the next one begins: sequence numbers show missing packets.
 *
 * After damage units are dropped up to the next key unit or recovery point: viewers see a still picture, not a smeared one. If only
 * disposable pictures are missing, the next unit is delivered, and in H.265 each one whose references are complete.
 */
export class AccessUnitAssembler {
  readonly #rules: NalRules;
  readonly #sink: UnitSink;
  readonly #buffer = new SampleBuffer(VIDEO_SAMPLES);
  readonly #times: UnitTimes;
  readonly #units: TimedUnits;
  readonly #chain: PictureChain;
  readonly #markers: MarkerTrust;
  readonly #unit = new UnitInProgress();
  #track: NalTrack | undefined;
  #nal: (typeof OPEN)[keyof typeof OPEN] = OPEN.none;
  #nalKind: NalKind = NAL.drop;
  /** The camera sets the end flag of fragments. */
  #hasFragmentEnds = false;
  #isAnnexB = false;
  /** The current pause is reported, or precedes the first unit. */
  #isReported = true;

  /** @param times decode times, where the container has them */
  constructor(rules: NalRules, sink: UnitSink, traits: SenderTraits, times: UnitTimes = new DecodeTimes()) {
    this.#rules = rules;
    this.#sink = sink;
    this.#times = times;
    this.#units = new TimedUnits(sink, times);
    this.#markers = new MarkerTrust(traits.hasDoubtfulMarkers ?? false);
    this.#chain = new PictureChain(rules, traits);
  }

  /** @param track from the SDP */
  announce(track: NalTrack): void {
    this.#track = track;
    this.#times.configure(this.#rules.order());
    this.#sink.onTrack(track);
  }

  /** Whether a fragment with this timestamp continues the current NAL unit. */
  isOpenAt(ticks: number): boolean {
    return this.#nal !== OPEN.none && ticks === this.#unit.ticks;
  }

  /** Packets are missing. @param ticks of the packet after them */
  gap(ticks: number, reason = 'packets are missing'): void {
    // Both ends of the gap are in one disposable picture.
    const unit = this.#unit;
    const isHarmless = unit.slices > 0 && ticks === unit.ticks && unit.isDisposable && !this.#chain.isDoubtful;
    unit.isLossWithin = isHarmless;
    this.damage(reason);
    if (!isHarmless) {
      this.#startUnit();
    }
  }

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
   * Starts a fragmented NAL unit.
   * @param data,at,end its first bytes after the header
   */
  beginNal(ticks: number, header: number, data: Uint8Array, at: number, end: number): void {
    this.#openNal(ticks, header, data, at, end);
    if (this.#nal === OPEN.kept) {
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
    if (this.#nal === OPEN.kept && !this.#buffer.append(data, at, end)) {
      this.#overflow();
    }
  }

  /** Call after the fragment with the end flag. */
  endNal(): void {
    this.#hasFragmentEnds = true;
    this.#closeNal();
  }

  #closeNal(): void {
    const isKept = this.#nal === OPEN.kept;
    this.#nal = OPEN.none;
    if (!isKept) {
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
      this.#unit.slices -= kind === NAL.slice ? 1 : 0;
      this.#split(this.#unit.ticks, copy, 0, copy.length);
    } else if (kind === NAL.parameters) {
      this.#rules.keepParameters(slab, nalStart, trimZeros(slab, nalStart, tail));
      buffer.cancelNal();
    } else if (kind === NAL.drop || kind === NAL.delimiter) {
      buffer.cancelNal();
    } else {
      this.#keepNal();
    }
  }

  /** Call after the packet with the RTP marker bit. */
  marker(): void {
    const { slices, ticks } = this.#unit;
    if (slices > 0 && this.#nal === OPEN.none && this.#markers.mark(ticks)) {
      this.#flush();
    }
  }

  /** The current unit is incomplete. @param header of a missing NAL unit; -1: not known */
  damage(reason: string, header = -1): void {
    if (this.#markers.isMarked) {
      this.#flush();
    }
    this.#units.decide(undefined, false);
    const chain = this.#chain;
    const unit = this.#unit;
    const isKnown = this.#isReported && !unit.isKey && (chain.isDoubtful || chain.isWaiting);
    const isNews = !unit.isDamaged && !isKnown;
    unit.isDamaged = true;
    unit.isDisposable &&= header < 0 || this.#rules.isDisposable(header);
    chain.damage(!unit.isDisposable);
    // The rest of a NAL unit without its start is not another loss.
    chain.isDoubtful &&= !unit.isLossWithin;
    if (chain.isWaiting) {
      this.#times.restart();
    }
    this.#nal = OPEN.none;
    this.#buffer.drop();
    if (isNews) {
      this.#report(reason);
    }
  }

  #report(reason: string): void {
    this.#isReported = true;
    this.#sink.onDamage(reason);
  }

  #headerAt(data: Uint8Array, at: number): number {
    const first = data[at] as number;
    return this.#rules.headerBytes === 1 ? first : (first << 8) | (data[at + 1] as number);
  }

  #whole(ticks: number, data: Uint8Array, start: number, end: number): void {
    const header = this.#headerAt(data, start);
    this.#openNal(ticks, header, data, start + this.#rules.headerBytes, end);
    const isKept = this.#nal === OPEN.kept;
    this.#nal = OPEN.none;
    if (this.#nalKind === NAL.parameters) {
      this.#rules.keepParameters(data, start, trimZeros(data, start, end));
    } else if (isKept && this.#nalKind >= NAL.prefix) {
      if (this.#buffer.beginNal() && this.#buffer.append(data, start, end)) {
        this.#keepNal();
      } else {
        this.#overflow();
      }
    }
  }

  /** NAL units with start codes (annex B): `data[start, end)`. */
  byteStream(ticks: number, data: Uint8Array, start: number, end: number): void {
    const first = findStartCode(data, start, end);
    if (first >= 0) {
      this.#split(ticks, data, first, end);
    }
  }

  /** Splits a payload at start codes. V380 cameras send parameter sets and IDR in one packet. */
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
    if (this.#nal !== OPEN.none) {
      this.#endUnmarkedNal();
    }
    const unit = this.#unit;
    const kind = this.#rules.kindOf(header);
    const start = kind === NAL.slice ? this.#rules.sliceStart(header, data, at, end) : SLICE.continues;
    if (this.#markers.isMarked && (kind === NAL.slice || ticks !== unit.ticks)) {
      this.#judgeMarker(ticks === unit.ticks && start === SLICE.continues);
    }
    if (ticks !== unit.ticks) {
      this.#flush();
      this.#moveTo(ticks);
    } else if (unit.slices > 0 && (kind === NAL.delimiter || start === SLICE.begins)) {
      this.#flush();
    }
    if (kind === NAL.slice) {
      this.#countSlice(ticks, header, start);
    }
    // SEI after slices of its picture violates H.264 §7.4.1.2.3; some decoders reject it.
    const isLatePrefix = kind === NAL.prefix && unit.slices > 0;
    this.#nalKind = kind;
    this.#nal = isLatePrefix || (unit.isDamaged && kind !== NAL.parameters) ? OPEN.skipped : OPEN.kept;
  }

  #endUnmarkedNal(): void {
    if (this.#hasFragmentEnds) {
      this.damage('a fragmented NAL unit has no end');
    } else {
      this.#closeNal();
    }
  }

  /** Decides by the next NAL unit whether the first marker ended a picture. */
  #judgeMarker(isSamePicture: boolean): void {
    this.#markers.judge(isSamePicture);
    if (!isSamePicture) {
      this.#flush();
    }
  }

  #countSlice(ticks: number, header: number, start: SliceStart): void {
    const unit = this.#unit;
    unit.isKey ||= this.#rules.isKey(header);
    unit.isDisposable &&= this.#rules.isDisposable(header);
    if (unit.slices === 0 && start === SLICE.continues && !unit.isDamaged) {
      this.damage(
        this.#markers.isRefutedBy(ticks)
          ? 'slices follow the marker: this camera sets it too early'
          : 'first slice is missing',
      );
    }
    unit.slices += 1;
  }

  #keepNal(): void {
    const buffer = this.#buffer;
    const unit = this.#unit;
    buffer.endNal();
    if (this.#nalKind === NAL.slice && unit.firstSliceBytes === 0) {
      unit.firstSliceOffset = buffer.nalStart - buffer.start;
      unit.firstSliceBytes = buffer.tail - buffer.nalStart;
    } else if (this.#nalKind === NAL.prefix) {
      unit.hasRecoveryPoint ||= this.#rules.isRecoveryPoint(buffer.slab, buffer.nalStart, buffer.tail);
    }
  }

  #overflow(): void {
    this.damage(`access unit is larger than ${VIDEO_SAMPLES.maxSampleBytes} bytes`);
  }

  /** SEI with its own timestamp is kept for the slices of the next one. */
  #moveTo(ticks: number): void {
    this.#unit.ticks = ticks;
    this.#unit.isDamaged = false;
    if (this.#buffer.sizeBytes > MAX_PREFIX_BYTES) {
      this.#buffer.drop();
    }
  }

  #flush(): void {
    const { slices, isDamaged, firstSliceBytes } = this.#unit;
    if (slices === 0) {
      return;
    }
    if (!isDamaged && firstSliceBytes > 0) {
      this.#deliver();
    }
    this.#startUnit();
  }

  #startUnit(): void {
    this.#buffer.drop();
    this.#unit.reset();
    this.#markers.startUnit();
  }

  #deliver(): void {
    const rules = this.#rules;
    const { ticks, firstSliceOffset, firstSliceBytes, isKey, hasRecoveryPoint } = this.#unit;
    const sliceStart = this.#buffer.start + firstSliceOffset;
    rules.readSlice(this.#buffer.slab, sliceStart, sliceStart + firstSliceBytes);
    this.#units.decide(rules.poc, rules.startsOrder);
    const chain = this.#chain;
    const shown = chain.judge(ticks, isKey, hasRecoveryPoint);
    const key = shown === SHOWN.key;
    if (shown === SHOWN.not || (key && !this.#describe())) {
      chain.isWaiting ||= key;
      if (chain.isWaiting) {
        this.#times.restart();
      }
      if (!this.#isReported && (chain.isWaiting || chain.isDoubtful)) {
        this.#report(key ? 'parameter sets are missing' : 'reference pictures are missing');
      }
      return;
    }
    if (key && chain.isDoubtful) {
      this.#times.restart();
    }
    if (!this.#units.push(ticks, rules.poc, rules.startsOrder, key, this.#buffer)) {
      this.damage('frames are reordered deeper than was known');
      return;
    }
    chain.accept(ticks, key);
    this.#isReported = false;
  }

  /** Reports changed parameter sets. @returns false if they are missing */
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
}
