import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';
import { PACKET_BYTES, SYNC_BYTE } from './packetize.ts';
import { findSync, isSyncAt } from './sync.ts';

const CLOCK_HZ = 90_000;

/** Undefined: a non-standard clock (RFC 2250 §2.1). */
export function createMpegTsDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  if (format.clockRate !== CLOCK_HZ) {
    return undefined;
  }
  sink.onTrack({ kind: 'multiplex', codec: 'mpeg-ts', clockRate: CLOCK_HZ });
  return new MpegTsDepacketizer(sink);
}

/**
 * RFC 2250 §2: a whole number of transport packets, unchanged. Senders that split elsewhere are tolerated: an incomplete packet waits for
 * its rest, and without a sync byte the next packet is searched (`findSync`).
 */
class MpegTsDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  /** Between calls: the start of an incomplete transport packet. */
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);

  constructor(sink: UnitSink) {
    this.#sink = sink;
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, _marker: boolean, gap: boolean): void {
    let at = start;
    const begun = this.#buffer.sizeBytes;
    if (begun > 0) {
      const rest = start + PACKET_BYTES - begun;
      if (!gap && rest <= end && isSyncAt(chunk, rest, end)) {
        this.#buffer.append(chunk, start, rest);
        at = rest;
      } else {
        this.#buffer.drop();
        this.#sink.onDamage(`the rest of an MPEG-TS packet of which ${begun} bytes had come is missing`);
      }
    }
    this.#packets(chunk, at, end, ticks);
  }

  #packets(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    let at = start;
    while (at < end) {
      const runEnd = endOfRun(chunk, at, end);
      this.#buffer.append(chunk, at, runEnd);
      at = runEnd;
      if (at < end && chunk[at] === SYNC_BYTE) {
        break;
      }
      if (at < end) {
        const found = findSync(chunk, at, end);
        this.#sink.onDamage(`${found - at} bytes between MPEG-TS packets`);
        at = found;
      }
    }
    if (this.#buffer.sizeBytes > 0) {
      this.#sink.onUnit(ticks, ticks, true, this.#buffer.take());
    }
    this.#buffer.append(chunk, at, end);
  }
}

/** The end of the contiguous whole packets from `start`. */
function endOfRun(chunk: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at + PACKET_BYTES <= end && chunk[at] === SYNC_BYTE) {
    at += PACKET_BYTES;
  }
  return at;
}
