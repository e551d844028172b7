import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';
import { PACKET_BYTES, SYNC_BYTE } from './packetize.ts';

const CLOCK_HZ = 90_000;

/** Undefined: a clock other than that of the standard (RFC 2250 §2.1). */
export function createMpegTsDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  if (format.clockRate !== CLOCK_HZ) {
    return undefined;
  }
  sink.onTrack({ kind: 'multiplex', codec: 'mpeg-ts', clockRate: CLOCK_HZ });
  return new MpegTsDepacketizer(sink);
}

/**
 * RFC 2250 §2: a whole number of transport packets, passed on as they are. A sender that cuts elsewhere is put up with: a packet's
 * first half is kept for the second, and where the sync byte is missing the next place is taken from which every 188th byte is one.
 */
class MpegTsDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  /** Between two calls: the first bytes of a transport packet, or nothing. */
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

/** Behind the last of the whole packets that stand one after the other from `start` on. */
function endOfRun(chunk: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at + PACKET_BYTES <= end && chunk[at] === SYNC_BYTE) {
    at += PACKET_BYTES;
  }
  return at;
}

/** The next place after `start` from which on every 188th byte is a sync byte, or `end`. Each byte is looked at once or twice. */
function findSync(chunk: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at += 1) {
    if (chunk[at] === SYNC_BYTE && isSyncAt(chunk, at + PACKET_BYTES, end)) {
      return at;
    }
  }
  return end;
}

const isSyncAt = (chunk: Uint8Array, at: number, end: number): boolean => at >= end || chunk[at] === SYNC_BYTE;
