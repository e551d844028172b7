import { rethrowUnexpected } from '../../base/errors.ts';
import type { UnitTimes } from '../payload/decode-times.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { FrameAssembler } from '../payload/frame-assembler.ts';
import { findStartCode } from '../payload/nal.ts';
import { MAX_CONFIG_BYTES, START } from './params.ts';
import { Mpeg4VideoRules } from './rules.ts';

const START_CODE_BYTES = 3;

/**
 * RFC 6416 §5 (MP4V-ES): the elementary stream unchanged, split anywhere. A VOP and its headers begin at the start of a packet;
 * the marker ends it. A packet may hold several small VOPs and has the timestamp of the first (§5.1).
 */
export class Mpeg4VideoDepacketizer implements Depacketizer {
  readonly #units: FrameAssembler;
  readonly #rules = new Mpeg4VideoRules();

  /** @param times decode times, where the container has them */
  constructor(format: Pick<RtpFormat, 'fmtp'>, sink: UnitSink, times?: UnitTimes, isFile = false) {
    const rules = this.#rules;
    this.#units = new FrameAssembler(rules, sink, times, isFile);
    const config = configOf(format);
    if (config) {
      try {
        rules.configure(config);
      } catch (error) {
        rethrowUnexpected(error);
        // The configuration may be in band.
      }
    }
    if (rules.track) {
      this.#units.announce(rules.track);
    }
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    const units = this.#units;
    if (gap) {
      units.gap();
    }
    if (start < end) {
      const isStart =
        end - start > START_CODE_BYTES && chunk[start] === 0 && chunk[start + 1] === 0 && chunk[start + 2] === 1;
      units.begin(ticks, isStart);
      units.append(chunk, isStart ? this.#takeWhole(chunk, start, end, ticks) : start, end);
    }
    if (marker) {
      units.marker();
    }
  }

  /** Delivers all VOPs of the packet but the last. @returns the offset of the last */
  #takeWhole(chunk: Uint8Array, start: number, end: number, ticks: number): number {
    const units = this.#units;
    let at = start;
    let shown = ticks;
    for (let next = endOfVop(chunk, at, end); next >= 0; next = endOfVop(chunk, at, end)) {
      units.append(chunk, at, next);
      units.end();
      shown += this.#ticksTo(chunk, next, end);
      units.begin(shown, true);
      at = next;
    }
    return at;
  }

  #ticksTo(chunk: Uint8Array, start: number, end: number): number {
    try {
      return this.#rules.ticksTo(chunk, start, end);
    } catch (error) {
      rethrowUnexpected(error);
      // The same error is reported as damage when the VOP is read.
      return 0;
    }
  }
}

/** The first start code after that of a VOP in a packet, or -1: the packet holds at most one VOP. */
function endOfVop(chunk: Uint8Array, start: number, end: number): number {
  for (let code = findStartCode(chunk, start, end); code >= 0; code = findStartCode(chunk, code + 3, end)) {
    if (chunk[code + 3] === START.vop) {
      return findStartCode(chunk, code + 4, end);
    }
  }
  return -1;
}

/** `config=` of the fmtp: hexadecimal. */
function configOf(format: Pick<RtpFormat, 'fmtp'>): Uint8Array | undefined {
  const text = format.fmtp.get('config')?.trim() ?? '';
  if (!/^([0-9a-f]{2})+$/i.test(text) || text.length > 2 * MAX_CONFIG_BYTES) {
    return undefined;
  }
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
