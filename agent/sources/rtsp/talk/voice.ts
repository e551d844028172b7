import { randomInt } from 'node:crypto';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../media/rtp/header.ts';
import type { BackTrack } from '../request/back-track.ts';
import type { Outlet } from '../transport/track-transport.ts';

/** 120 ms at 8 kHz. Some cameras have room for little more in one packet. */
const MAX_PAYLOAD_BYTES = 960;

/** What is said to a camera, as RTP (RFC 3551 §4.1: the marker bit says that somebody begins). */
export class Voice {
  readonly #track: BackTrack;
  readonly #outlet: Outlet;
  readonly #ssrc = randomInt(1, 2 ** 32);
  readonly #ticksOffset = randomInt(2 ** 32);
  #sequence = randomInt(2 ** 16);
  #isFirst = true;

  constructor(track: BackTrack, outlet: Outlet) {
    this.#track = track;
    this.#outlet = outlet;
  }

  /** @param ticks time of the first sample, from any start */
  say(payload: Uint8Array, ticks: number): void {
    const { payloadType, channels } = this.#track.format;
    for (let at = 0; at < payload.length; at += MAX_PAYLOAD_BYTES) {
      const part = payload.subarray(at, at + MAX_PAYLOAD_BYTES);
      const packet = new Uint8Array(RTP_HEADER_BYTES + part.length);
      // One byte is one sample of one channel.
      const timestamp = this.#ticksOffset + ticks + at / channels;
      writeRtpHeader(packet, 0, this.#isFirst, payloadType, this.#sequence, timestamp, this.#ssrc);
      packet.set(part, RTP_HEADER_BYTES);
      this.#sequence = (this.#sequence + 1) & 0xffff;
      this.#isFirst = false;
      this.#outlet.send(packet);
    }
  }

  close(): void {
    this.#outlet.close();
  }
}
