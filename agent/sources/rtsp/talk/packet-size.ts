import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { Sdp, SdpMedia } from '../../../media/sdp/parse.ts';
import type { TalkSink } from './talk-encoder.ts';

/** Reolink's server takes each packet for a frame of 1,024 samples (go2rtc#331, #2007). */
const FRAME_SERVER = /^BC Streaming Media\b/i;
const FRAME_SAMPLES = 1_024;
/** Longest packet that cameras take, and the shortest that a description may ask for. */
const MAX_PACKET_MS = 120;
const MIN_PACKET_MS = 5;

/** Bytes of a sample of one channel; others have frames of their own. */
const SAMPLE_BYTES: Readonly<Record<string, number>> = { PCMU: 1, PCMA: 1, L16: 2 };
/** A byte of silence. */
const SILENCE: Readonly<Record<string, number>> = { PCMU: 0xff, PCMA: 0xd5, L16: 0 };

/** How a camera wants the audio of its back channel in packets. */
export interface PacketSize {
  readonly tickBytes: number;
  /** Undefined: audio is sent as it comes, in packets of at most `maxBytes`. */
  readonly bytes: number | undefined;
  readonly maxBytes: number;
  /** The last packet is filled up with this byte, or undefined if it is shorter. */
  readonly filler: number | undefined;
}

/** RFC 8866 §6.4: `ptime`, `maxptime`. Undefined: the codec has frames of its own. */
export function packetSizeOf(
  { tool }: Pick<Sdp, 'tool'>,
  { ptimeMs, maxptimeMs }: Pick<SdpMedia, 'ptimeMs' | 'maxptimeMs'>,
  { encoding, clockRate, channels }: RtpFormat,
): PacketSize | undefined {
  const sampleBytes = SAMPLE_BYTES[encoding];
  if (sampleBytes === undefined) {
    return undefined;
  }
  const tickBytes = sampleBytes * channels;
  if (FRAME_SERVER.test(tool)) {
    const bytes = FRAME_SAMPLES * tickBytes;
    return { tickBytes, bytes, maxBytes: bytes, filler: SILENCE[encoding] };
  }
  const bytesOf = (ms: number): number => {
    // L16 at high rates must fit into a datagram.
    const most = Math.floor(1_400 / tickBytes);
    return tickBytes * Math.max(1, Math.min(most, Math.round((Math.max(MIN_PACKET_MS, ms) * clockRate) / 1000)));
  };
  const maxMs = Math.min(maxptimeMs ?? MAX_PACKET_MS, MAX_PACKET_MS);
  const bytes = ptimeMs === undefined ? undefined : bytesOf(Math.min(ptimeMs, maxMs));
  return { tickBytes, bytes, maxBytes: bytesOf(maxMs), filler: undefined };
}

/** Fits audio into packets of a camera's size. What does not fill one waits for more, or for `flush`. */
export class Packets implements TalkSink {
  readonly #size: PacketSize;
  readonly #sink: TalkSink;
  readonly #packet: Uint8Array;
  #filled = 0;
  #startTicks = 0;
  #nextTicks = Number.NaN;
  #marker = false;

  /** @param sink copies what it gets */
  constructor(size: PacketSize, sink: TalkSink) {
    this.#size = size;
    this.#sink = sink;
    this.#packet = new Uint8Array(size.bytes ?? size.maxBytes);
  }

  onPayload(payload: Uint8Array, ticks: number, marker: boolean): void {
    const { tickBytes, bytes } = this.#size;
    if (this.#filled > 0 && ticks !== this.#nextTicks) {
      this.flush();
    }
    this.#nextTicks = ticks + payload.length / tickBytes;
    this.#marker ||= marker;
    for (let at = 0; at < payload.length; ) {
      if (this.#filled === 0) {
        this.#startTicks = ticks + at / tickBytes;
      }
      const taken = Math.min(payload.length - at, this.#packet.length - this.#filled);
      this.#packet.set(payload.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === this.#packet.length) {
        this.#send(this.#filled);
      }
    }
    if (bytes === undefined) {
      this.flush();
    }
  }

  /** Sends what waits: the speaker pauses or ends. */
  flush(): void {
    const { filler } = this.#size;
    if (this.#filled > 0 && filler !== undefined) {
      this.#packet.fill(filler, this.#filled);
    }
    if (this.#filled > 0) {
      this.#send(filler === undefined ? this.#filled : this.#packet.length);
    }
  }

  #send(length: number): void {
    this.#sink.onPayload(this.#packet.subarray(0, length), this.#startTicks, this.#marker);
    this.#marker = false;
    this.#filled = 0;
  }
}
