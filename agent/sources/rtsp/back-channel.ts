import { randomInt } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import type { RtpFormat } from '../../media/depacketizer.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../media/rtp/header.ts';
import type { HeaderField } from '../../media/rtsp/message.ts';
import type { SdpMedia } from '../../media/sdp/parse.ts';
import type { BackChannel } from '../source.ts';
import type { Outlet } from './lane.ts';

/** Tells a camera that we know what a track is that it does not send (ONVIF Streaming §5.3.1). */
export const REQUIRE_BACK_CHANNEL: HeaderField = ['Require', 'www.onvif.org/ver20/backchannel'];

/** 120 ms at 8 kHz. Some cameras have room for little more in one packet. */
const MAX_PAYLOAD_BYTES = 960;

const CODECS: Readonly<Record<string, BackChannel['codec']>> = { PCMA: 'PCMA', PCMU: 'PCMU' };

/** What can be said to a camera on one of its tracks. */
export interface BackTrack {
  readonly codec: BackChannel['codec'];
  readonly format: RtpFormat;
  /** As sent: absolute, relative or absent. */
  readonly control: string | undefined;
}

/** The back channel of a description, in its first format that we can make: G.711. */
export function findBackTrack(medias: readonly SdpMedia[]): BackTrack | undefined {
  for (const { isBackChannel, formats, control } of medias) {
    for (const format of isBackChannel ? formats : []) {
      const codec = CODECS[format.encoding];
      if (codec !== undefined) {
        return { codec, format, control };
      }
    }
  }
  return undefined;
}

/** The way to a camera's loudspeaker within a playing session: one may talk at a time. */
export class Loudspeaker {
  readonly #track: BackTrack;
  readonly #outlet: Outlet;
  readonly #name: string;
  /** As the camera sees one sender, whoever talks. */
  readonly #ssrc = randomInt(1, 2 ** 32);
  readonly #ticksOffset = randomInt(2 ** 32);
  #sequence = randomInt(2 ** 16);
  #talker: BackChannel | undefined;
  #isOver = false;

  /** @param name of the path, for messages */
  constructor(track: BackTrack, outlet: Outlet, name: string) {
    this.#track = track;
    this.#outlet = outlet;
    this.#name = name;
  }

  /** @throws PerchError exhausted while somebody else talks */
  open(): BackChannel {
    if (this.#talker) {
      throw new PerchError('exhausted', `somebody is talking through the camera of path '${this.#name}' already`);
    }
    const { codec, format } = this.#track;
    let isFirst = true;
    const talker: BackChannel = {
      codec,
      clockRate: format.clockRate,
      channels: format.channels,
      send: (payload, ticks) => {
        if (this.#talker === talker && payload.length > 0) {
          this.#send(payload, ticks, isFirst);
          isFirst = false;
        }
      },
      close: () => {
        if (this.#talker === talker) {
          this.#talker = undefined;
        }
      },
    };
    if (!this.#isOver) {
      this.#talker = talker;
    }
    return talker;
  }

  /** The session has ended: what is said from now on is not heard. */
  close(): void {
    this.#isOver = true;
    this.#talker = undefined;
    this.#outlet.close();
  }

  /** @param isFirst the talker begins: the marker bit says so (RFC 3551 §4.1) */
  #send(payload: Uint8Array, ticks: number, isFirst: boolean): void {
    const { payloadType, channels } = this.#track.format;
    for (let at = 0; at < payload.length; at += MAX_PAYLOAD_BYTES) {
      const part = payload.subarray(at, at + MAX_PAYLOAD_BYTES);
      const packet = new Uint8Array(RTP_HEADER_BYTES + part.length);
      // One byte is one sample of one channel.
      const timestamp = this.#ticksOffset + ticks + at / channels;
      writeRtpHeader(packet, 0, isFirst && at === 0, payloadType, this.#sequence, timestamp, this.#ssrc);
      packet.set(part, RTP_HEADER_BYTES);
      this.#sequence = (this.#sequence + 1) & 0xffff;
      this.#outlet.send(packet);
    }
  }
}
