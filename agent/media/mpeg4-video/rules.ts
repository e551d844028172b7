import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import type { PictureOrder } from '../payload/decode-times.ts';
import { type FrameRules, IN_ORDER } from '../payload/frame-assembler.ts';
import { findStartCode, isSame } from '../payload/nal.ts';
import type { Mpeg4VideoTrack } from '../sample/track.ts';
import { mpeg4VideoTrack, parseVideoObjectLayer, START, type VideoObjectLayer } from './params.ts';

const INTRA = 0;
const BIDIRECTIONAL = 2;
/** Limit in seconds, against endless counts: the slowest cameras send one VOP in some minutes. */
const MAX_ELAPSED_S = 3_600;

/** MPEG-4 part 2 for the assembly of units: configuration in band, kind and time of VOPs (ISO/IEC 14496-2 §6.2.5, §6.3.5). */
export class Mpeg4VideoRules implements FrameRules {
  isKey = false;
  order: number | undefined;
  track: Mpeg4VideoTrack | undefined;
  pictureOrder: PictureOrder = IN_ORDER;
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, false);
  #layer: VideoObjectLayer | undefined;
  /** Bytes of the layer only: its surroundings in the SDP and in band may differ. */
  #layerBytes: Uint8Array | undefined;
  /** Whole seconds of the last two reference VOPs (modulo_time_base). */
  #seconds = 0;
  #secondsBefore = 0;
  /** Time of the last VOP header read, in ticks of `timeResolution`, and its modulo_time_base in seconds. */
  #time = 0;
  #elapsed = 0;

  /** @param config kept unchanged @throws PerchError */
  configure(config: Uint8Array): void {
    const layer = parseVideoObjectLayer(config);
    const { timeResolution, fixedIncrement } = layer;
    this.track = mpeg4VideoTrack(config);
    this.#layer = layer;
    this.#layerBytes = layerOf(config, 0, config.length);
    this.pictureOrder = layer.mayReorder
      ? {
          maxReorderFrames: 1,
          pocStep: Math.max(1, fixedIncrement),
          frameTicks: fixedIncrement > 0 ? Math.round((90_000 * fixedIncrement) / timeResolution) : undefined,
        }
      : IN_ORDER;
  }

  read(data: Uint8Array, start: number, end: number): boolean {
    let configStart = -1;
    for (let code = findStartCode(data, start, end); code >= 0; code = findStartCode(data, code + 3, end)) {
      const type = code + 3 < end ? (data[code + 3] as number) : 0;
      if (type === START.group || type === START.vop) {
        this.#takeConfig(data, configStart, code);
        configStart = -1;
      }
      if (type === START.vop) {
        this.#readVop(data, code + 4, end);
        return true;
      }
      if (type === START.group) {
        this.#readGroup(data, code + 4, end);
      } else if (configStart < 0) {
        configStart = code;
      }
    }
    this.#takeConfig(data, configStart, end);
    return false;
  }

  complete(unit: Uint8Array): Uint8Array {
    return unit;
  }

  /** Presentation time of the VOP at `start` after the last one read, 90 kHz; 0 if implausible. @throws PerchError if it is invalid */
  ticksTo(data: Uint8Array, start: number, end: number): number {
    if (!this.#layer || this.order === undefined || data[start + 3] !== START.vop) {
      return 0;
    }
    this.#readTime(data, start + 4, end);
    const ticks = Math.round(((this.#time - this.order) * 90_000) / this.#layer.timeResolution);
    // Longest time between VOPs that share a packet: they are adjacent.
    return Math.abs(ticks) <= 10 * 90_000 ? ticks : 0;
  }

  #takeConfig(data: Uint8Array, start: number, end: number): void {
    const layer = start < 0 ? undefined : layerOf(data, start, end);
    if (layer && !(this.#layerBytes && isSame(this.#layerBytes, layer, 0, layer.length))) {
      this.configure(data.slice(start, end));
    }
  }

  /** time_code: hours (5), minutes (6), marker, seconds (6). */
  #readGroup(data: Uint8Array, start: number, end: number): void {
    const bits = this.#bits;
    bits.reset(data, start, end);
    const [hours, minutes] = [bits.bits(5), bits.bits(6)];
    bits.skip(1);
    this.#seconds = (hours * 60 + minutes) * 60 + bits.bits(6);
    this.#secondsBefore = this.#seconds;
  }

  #readVop(data: Uint8Array, start: number, end: number): void {
    const kind = this.#readTime(data, start, end);
    this.isKey = kind === INTRA;
    this.order = this.#layer && this.#time;
    if (kind !== BIDIRECTIONAL) {
      this.#secondsBefore = this.#seconds;
      this.#seconds += this.#elapsed;
    }
  }

  /** vop_coding_type (2), modulo_time_base (a one for each whole second), marker, vop_time_increment. Sets `#time` and `#elapsed`. */
  #readTime(data: Uint8Array, start: number, end: number): number {
    const bits = this.#bits;
    bits.reset(data, start, end);
    const kind = bits.bits(2);
    this.#elapsed = 0;
    this.#time = 0;
    if (this.#layer) {
      while (bits.flag()) {
        this.#elapsed += 1;
        if (this.#elapsed > MAX_ELAPSED_S) {
          throw new PerchError('badInput', `VOP of more than ${MAX_ELAPSED_S} s after the last`);
        }
      }
      bits.skip(1); // marker
      const since = kind === BIDIRECTIONAL ? this.#secondsBefore : this.#seconds;
      this.#time = (since + this.#elapsed) * this.#layer.timeResolution + bits.bits(this.#layer.timeBits);
    }
    return kind;
  }
}

/** From the start code of the layer to the next one; a view. */
function layerOf(data: Uint8Array, start: number, end: number): Uint8Array | undefined {
  for (let code = findStartCode(data, start, end); code >= 0; ) {
    const next = findStartCode(data, code + 3, end);
    const type = code + 3 < end ? (data[code + 3] as number) : 0;
    if (type >= START.layer && type <= START.lastLayer) {
      return data.subarray(code, next < 0 ? end : next);
    }
    code = next;
  }
  return undefined;
}
