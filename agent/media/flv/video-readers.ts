import { PerchError } from '../../base/errors.ts';
import { isKeptObu, Leb128, OBU_EXTENSION, OBU_HAS_SIZE, obuType } from '../av1/obu.ts';
import { Av1Rules } from '../av1/rules.ts';
import { H264Rules } from '../h264/rules.ts';
import { H265Rules } from '../h265/rules.ts';
import { AccessUnitAssembler } from '../payload/access-unit-assembler.ts';
import type { UnitTimes } from '../payload/decode-times.ts';
import { FrameAssembler, type FrameRules } from '../payload/frame-assembler.ts';
import type { NalRules } from '../payload/nal-rules.ts';
import type { CodecReader, FlvTrack } from './codec-reader.ts';

/** FLV has decode times and composition times. */
class TagTimes implements UnitTimes {
  pts = 0;
  dts = 0;

  configure(): void {}

  restart(): void {}

  next(pts: number): boolean {
    this.pts = Math.max(pts, this.dts);
    return true;
  }
}

/** H.264 and H.265: NAL units with their lengths, ISO/IEC 14496-15. */
abstract class NalReader implements CodecReader {
  readonly #rules: NalRules;
  readonly #times = new TagTimes();
  readonly #units: AccessUnitAssembler;
  #lengthBytes = 4;
  #isAnnounced = false;

  constructor(track: FlvTrack, rules: NalRules) {
    this.#rules = rules;
    this.#units = new AccessUnitAssembler(rules, track, {}, this.#times);
  }

  configure(data: Uint8Array, start: number, end: number): void {
    this.#lengthBytes = this.readConfig(data, start, end) + 1;
    const track = this.#isAnnounced ? undefined : this.#rules.firstTrack();
    if (track) {
      this.#isAnnounced = true;
      this.#units.announce(track);
    }
  }

  frame(data: Uint8Array, start: number, end: number, pts: number, dts: number): void {
    const units = this.#units;
    const lengthBytes = this.#lengthBytes;
    this.#times.dts = dts;
    let at = start;
    while (at + lengthBytes <= end) {
      let bytes = 0;
      for (let i = 0; i < lengthBytes; i += 1) {
        bytes = bytes * 256 + (data[at + i] as number);
      }
      at += lengthBytes;
      if (bytes > end - at) {
        units.damage(`NAL unit of ${bytes} bytes with ${end - at} bytes left`);
        break;
      }
      units.nal(pts, data, at, at + bytes);
      at += bytes;
    }
    units.marker();
  }

  /** Keeps the parameter sets. @returns lengthSizeMinusOne */
  protected abstract readConfig(data: Uint8Array, start: number, end: number): number;

  /** `count` parameter sets, each after its length in 16 bits. @returns the offset after them */
  protected keepSets(count: number, data: Uint8Array, start: number, end: number): number {
    let at = start;
    for (let i = 0; i < count; i += 1) {
      const to = at + 2 + 256 * byteAt(data, at, end) + byteAt(data, at + 1, end);
      if (to > end) {
        throw new PerchError('badInput', `decoder configuration ends ${to - end} bytes too early`);
      }
      this.#rules.keepParameters(data, at + 2, to);
      at = to;
    }
    return at;
  }
}

export class AvcReader extends NalReader {
  constructor(track: FlvTrack) {
    super(track, new H264Rules());
  }

  /** AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1. */
  protected readConfig(data: Uint8Array, start: number, end: number): number {
    const sps = byteAt(data, start + 5, end) & 0x1f;
    const pps = this.keepSets(sps, data, start + 6, end);
    this.keepSets(byteAt(data, pps, end), data, pps + 1, end);
    return byteAt(data, start + 4, end) & 3;
  }
}

export class HevcReader extends NalReader {
  constructor(track: FlvTrack) {
    super(track, new H265Rules());
  }

  /** HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 §8.3.3.1. */
  protected readConfig(data: Uint8Array, start: number, end: number): number {
    let at = start + 23;
    for (let arrays = byteAt(data, start + 22, end); arrays > 0; arrays -= 1) {
      const count = 256 * byteAt(data, at + 1, end) + byteAt(data, at + 2, end);
      at = this.keepSets(count, data, at + 3, end);
    }
    return byteAt(data, start + 21, end) & 3;
  }
}

/** AV1, VP8, VP9: the frames go through the frame assembler, which completes key frames and drops undecodable ones. */
abstract class FrameReader implements CodecReader {
  protected readonly units: FrameAssembler;

  constructor(track: FlvTrack, rules: FrameRules) {
    this.units = new FrameAssembler(rules, track);
  }

  /** Does nothing, because key frames contain the whole description. */
  configure(): void {}

  frame(data: Uint8Array, start: number, end: number, pts: number): void {
    this.units.begin(pts, true);
    this.append(data, start, end);
    this.units.end();
  }

  protected abstract append(data: Uint8Array, start: number, end: number): void;
}

export class VpxReader extends FrameReader {
  protected append(data: Uint8Array, start: number, end: number): void {
    this.units.append(data, start, end);
  }
}

/** OBUs of a temporal unit; the last may lack its size ("AV1 Codec ISO Media File Format Binding" §2.4). */
export class Av1Reader extends FrameReader {
  readonly #size = new Leb128();

  constructor(track: FlvTrack) {
    super(track, new Av1Rules());
  }

  protected append(data: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const header = data[at] as number;
      const sizeAt = at + ((header & OBU_EXTENSION) === 0 ? 1 : 2);
      const hasSize = (header & OBU_HAS_SIZE) !== 0;
      if (sizeAt > end || (hasSize && !this.#size.read(data, sizeAt, end))) {
        this.units.damage('OBU is shorter than its header');
        return;
      }
      const bodyAt = hasSize ? this.#size.next : sizeAt;
      const to = hasSize ? bodyAt + this.#size.value : end;
      if (to > end) {
        this.units.damage(`OBU of ${this.#size.value} bytes with ${end - bodyAt} left`);
        return;
      }
      if (isKeptObu(obuType(header))) {
        if (hasSize) {
          this.units.append(data, at, to);
        } else {
          this.#appendSized(data, at, sizeAt, to);
        }
      }
      at = to;
    }
  }

  #appendSized(data: Uint8Array, at: number, bodyAt: number, to: number): void {
    const head = [(data[at] as number) | OBU_HAS_SIZE, ...data.subarray(at + 1, bodyAt)];
    let left = to - bodyAt;
    for (; left >= 0x80; left >>>= 7) {
      head.push((left & 0x7f) | 0x80);
    }
    head.push(left);
    const bytes = Uint8Array.from(head);
    this.units.append(bytes, 0, bytes.length);
    this.units.append(data, bodyAt, to);
  }
}

function byteAt(data: Uint8Array, at: number, end: number): number {
  if (at >= end) {
    throw new PerchError('badInput', `decoder configuration ends ${at + 1 - end} bytes too early`);
  }
  return data[at] as number;
}
