import { PerchError } from '../../base/errors.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../depacketizer.ts';
import { FrameUnits } from '../frame-units.ts';
import { Mpeg4VideoRules } from './rules.ts';

const START_CODE_BYTES = 3;
const MAX_CONFIG_BYTES = 4_096;

/**
 * RFC 6416 §5 (MP4V-ES): the elementary stream as it is, cut anywhere. A VOP begins, with what stands before it, at the beginning of a packet;
 * the marker ends it.
 */
export class Mpeg4VideoDepacketizer implements Depacketizer {
  readonly #units: FrameUnits;

  constructor(format: RtpFormat, sink: UnitSink) {
    const rules = new Mpeg4VideoRules();
    this.#units = new FrameUnits(rules, sink);
    const config = configOf(format);
    if (config) {
      try {
        rules.configure(config);
      } catch (error) {
        if (!(error instanceof PerchError)) {
          throw error;
        }
        // It may come in band.
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
      units.append(chunk, start, end);
    }
    if (marker) {
      units.marker();
    }
  }
}

/** `config=` of the fmtp: hexadecimal. */
function configOf(format: RtpFormat): Uint8Array | undefined {
  const text = format.fmtp.get('config')?.trim() ?? '';
  if (!/^([0-9a-f]{2})+$/i.test(text) || text.length > 2 * MAX_CONFIG_BYTES) {
    return undefined;
  }
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
