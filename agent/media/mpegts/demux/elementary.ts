import { rethrowUnexpected } from '../../../base/errors.ts';
import { AccessUnitAssembler } from '../../payload/access-unit-assembler.ts';
import type { SenderTraits, UnitSink } from '../../payload/depacketizer.ts';
import type { NalRules } from '../../payload/nal-rules.ts';
import type { FrameFormat } from './audio-frames.ts';
import type { ProgramTicks } from './clock.ts';
import type { Elementary } from './pes.ts';
import { PesTimes, type UnitOffset } from './pes-times.ts';

/** H.264 and H.265: annex B, one access unit in a PES packet, or some, or a part of one. */
export class NalElementary implements Elementary {
  readonly #units: AccessUnitAssembler;
  readonly #times: PesTimes;
  readonly #clock: ProgramTicks;
  #ticks = Number.NaN;

  constructor(rules: NalRules, sink: UnitSink, clock: ProgramTicks, place: UnitOffset, traits: SenderTraits) {
    this.#times = new PesTimes(place);
    this.#units = new AccessUnitAssembler(rules, sink, traits, this.#times);
    this.#clock = clock;
  }

  push(data: Uint8Array, start: number, end: number, pts: number, dts: number, position: number): void {
    if (!Number.isNaN(pts)) {
      this.#ticks = this.#clock.unwrap(pts);
      this.#times.announce(this.#ticks, this.#clock.unwrap(dts), position);
    }
    if (!Number.isNaN(this.#ticks)) {
      this.#units.byteStream(this.#ticks, data, start, end);
      this.#units.marker();
    }
  }

  lose(reason: string): void {
    this.#units.gap(Number.NaN, reason);
  }

  restart(): void {
    this.lose('another place of the file');
    this.#ticks = Number.NaN;
  }

  end(): void {
    this.#units.marker();
  }
}

/** Cuts pieces of an elementary stream into frames. */
interface Frames {
  push(data: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void;
}

/** MPEG-4 part 2, MPEG-1 and MPEG-2 video: one frame in a PES packet, or some. */
export class FrameElementary implements Elementary {
  readonly #frames: Frames;
  readonly #times: PesTimes;
  readonly #clock: ProgramTicks;
  #ticks = Number.NaN;
  #hasGap = false;

  constructor(create: (times: PesTimes) => Frames, clock: ProgramTicks, place: UnitOffset) {
    this.#times = new PesTimes(place);
    this.#frames = create(this.#times);
    this.#clock = clock;
  }

  push(data: Uint8Array, start: number, end: number, pts: number, dts: number, position: number): void {
    if (!Number.isNaN(pts)) {
      this.#ticks = this.#clock.unwrap(pts);
      this.#times.announce(this.#ticks, this.#clock.unwrap(dts), position);
    }
    if (!Number.isNaN(this.#ticks)) {
      this.#frames.push(data, start, end, this.#ticks, true, this.#hasGap);
      this.#hasGap = false;
    }
  }

  lose(): void {
    this.#hasGap = true;
  }

  /** It keeps nothing between PES packets. */
  restart(): void {}

  end(): void {}
}

/** Limit of the bytes kept for an incomplete frame: more than the longest frame of any format (8 kB). */
const MAX_KEPT_BYTES = 16 << 10;

/** Audio frames, cut into PES packets anywhere. A time is that of the first frame which begins in its PES packet (§2.4.3.7). */
export class AudioElementary implements Elementary {
  readonly #format: FrameFormat;
  readonly #sink: UnitSink;
  readonly #clock: ProgramTicks;
  readonly #place: UnitOffset;
  /** The start of a frame whose rest is in the next PES packet, then that packet. */
  #joined = new Uint8Array(0);
  #keptBytes = 0;
  #keptPosition = 0;
  /** Time of the next frame, in 90 kHz ticks with fraction; NaN: not known. */
  #ticks = Number.NaN;
  #isSynced = false;
  #isReported = true;

  constructor(format: FrameFormat, sink: UnitSink, clock: ProgramTicks, place: UnitOffset) {
    this.#format = format;
    this.#sink = sink;
    this.#clock = clock;
    this.#place = place;
  }

  push(data: Uint8Array, start: number, end: number, pts: number, _dts: number, position: number): void {
    const time = Number.isNaN(pts) ? pts : this.#clock.unwrap(pts);
    if (this.#keptBytes === 0) {
      this.#take(data, start, end, start, time, position);
      return;
    }
    const kept = this.#keptBytes;
    const bytes = kept + end - start;
    if (bytes > this.#joined.length) {
      const joined = new Uint8Array(2 * bytes);
      joined.set(this.#joined.subarray(0, kept));
      this.#joined = joined;
    }
    this.#joined.set(data.subarray(start, end), kept);
    this.#keptBytes = 0;
    this.#take(this.#joined, 0, bytes, kept, time, position);
  }

  lose(reason: string): void {
    this.#keptBytes = 0;
    this.#ticks = Number.NaN;
    this.#isSynced = false;
    this.#sink.onDamage(reason);
  }

  restart(): void {
    this.lose('another place of the file');
  }

  end(): void {}

  /** @param from the payload of the newest PES packet, with its time */
  #take(data: Uint8Array, start: number, end: number, from: number, time: number, position: number): void {
    const format = this.#format;
    let at = start;
    let isTimed = false;
    while (at + format.headerBytes <= end) {
      const size = this.#sizeAt(data, at, end);
      if (size === 0) {
        at += 1;
        continue;
      }
      if (at + size > end) {
        break;
      }
      if (!isTimed && at >= from) {
        isTimed = true;
        this.#ticks = Number.isNaN(time) ? this.#ticks : time;
      }
      this.#place.position = at < from ? this.#keptPosition : position;
      if (!Number.isNaN(this.#ticks)) {
        format.put(data, at, at + size, Math.round(this.#ticks));
        this.#ticks += format.durationTicks;
      }
      at += size;
    }
    this.#keep(data, at, end, at < from ? this.#keptPosition : position);
    if (!isTimed && !Number.isNaN(time) && at >= from) {
      this.#ticks = time;
    }
  }

  /** Size of the frame at `at`; 0: no frame begins there. The first frame after a loss needs another one after it. */
  #sizeAt(data: Uint8Array, at: number, end: number): number {
    const format = this.#format;
    try {
      const size = format.read(data, at, end);
      const next = at + size;
      if (!this.#isSynced && next + format.headerBytes <= end) {
        format.read(data, next, end);
        format.read(data, at, end);
      }
      this.#isSynced = true;
      this.#isReported = false;
      return size;
    } catch (error) {
      rethrowUnexpected(error);
      this.#isSynced = false;
      if (!this.#isReported) {
        this.#isReported = true;
        this.#sink.onDamage(error.message);
      }
      return 0;
    }
  }

  #keep(data: Uint8Array, start: number, end: number, position: number): void {
    const bytes = end - start;
    if (bytes > MAX_KEPT_BYTES) {
      this.lose(`audio frame of more than ${MAX_KEPT_BYTES} bytes`);
      return;
    }
    if (bytes > this.#joined.length) {
      this.#joined = new Uint8Array(Math.max(2 * bytes, 2048));
    }
    if (data === this.#joined) {
      data.copyWithin(0, start, end);
    } else {
      this.#joined.set(data.subarray(start, end));
    }
    this.#keptBytes = bytes;
    this.#keptPosition = position;
  }
}
