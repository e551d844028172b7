import { PerchError } from '../../base/errors.ts';
import {
  AUDIO_CODECS,
  AUDIO_MULTITRACK,
  EX_AUDIO,
  EX_VIDEO,
  FRAME,
  MOD_EX,
  MULTITRACK,
  otherAudio,
  otherVideo,
  PACKET,
  VIDEO_CODECS,
  VIDEO_MULTITRACK,
} from './codes.ts';

/** Most modifiers before one packet; only the one for nanoseconds is defined. */
const MAX_MODIFIERS = 8;

/** Receives the packets of one tag. Called synchronously; the offsets are those of the tag's own bytes. */
export interface PacketSink {
  /**
   * @param codec its fourCC, or one of `VIDEO_CODECS` and `AUDIO_CODECS`
   * @param packet one of `PACKET`
   * @param compositionMs pts - dts
   */
  onPacket(
    isVideo: boolean,
    codec: string,
    trackId: number,
    packet: number,
    compositionMs: number,
    data: Uint8Array,
    start: number,
    end: number,
  ): void;
  /** An obsolete codec without a fourCC. @param name for messages */
  onUnsupported(isVideo: boolean, name: string): void;
}

/** Reads the body of audio and video tags: FLV specification §E.4.2.1 and §E.4.3.1, "Enhanced RTMP" v2. */
export class TagReader {
  readonly #sink: PacketSink;
  /** Packet type of the current tag. */
  #packet = 0;
  #fourCcs = new Map<number, string>();

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** @throws PerchError if the tag ends too early */
  video(data: Uint8Array, start: number, end: number): void {
    if (start === end) {
      return;
    }
    const first = data[start] as number;
    const frame = (first >> 4) & 7;
    if ((first & EX_VIDEO) !== 0) {
      this.#packet = first & 0x0f;
      if (frame !== FRAME.command || this.#packet === PACKET.metadata) {
        this.#enhanced(true, VIDEO_MULTITRACK, data, start + 1, end);
      }
      return;
    }
    if (frame === FRAME.command) {
      return;
    }
    const codec = VIDEO_CODECS[first & 0x0f];
    if (codec === undefined) {
      this.#sink.onUnsupported(true, otherVideo(first & 0x0f));
      return;
    }
    need(5, start, end);
    const packet = data[start + 1] as number;
    this.#sink.onPacket(true, codec, 0, packet, int24(data, start + 2), data, start + 5, end);
  }

  /** @throws PerchError if the tag ends too early */
  audio(data: Uint8Array, start: number, end: number): void {
    // A tag without content: silence follows.
    if (start === end) {
      return;
    }
    const first = data[start] as number;
    const format = first >> 4;
    if (format === EX_AUDIO) {
      this.#packet = first & 0x0f;
      this.#enhanced(false, AUDIO_MULTITRACK, data, start + 1, end);
      return;
    }
    const codec = AUDIO_CODECS[format];
    if (codec === undefined) {
      this.#sink.onUnsupported(false, otherAudio(format));
    } else if (codec === 'mp4a') {
      need(2, start, end);
      this.#sink.onPacket(false, codec, 0, data[start + 1] as number, 0, data, start + 2, end);
    } else {
      this.#sink.onPacket(false, codec, 0, PACKET.codedFrames, 0, data, start + 1, end);
    }
  }

  #enhanced(isVideo: boolean, multitrack: number, data: Uint8Array, start: number, end: number): void {
    const at = this.#skipModifiers(data, start, end);
    if (this.#packet !== multitrack) {
      need(4, at, end);
      this.#body(isVideo, this.#fourCcAt(data, at), 0, data, at + 4, end);
      return;
    }
    need(1, at, end);
    const type = (data[at] as number) >> 4;
    this.#packet = (data[at] as number) & 0x0f;
    this.#tracks(isVideo, type, data, at + 1, end);
  }

  #tracks(isVideo: boolean, type: number, data: Uint8Array, start: number, end: number): void {
    let at = start;
    let codec = '';
    if (type !== MULTITRACK.manyCodecs) {
      need(4, at, end);
      codec = this.#fourCcAt(data, at);
      at += 4;
    }
    do {
      if (type === MULTITRACK.manyCodecs) {
        need(4, at, end);
        codec = this.#fourCcAt(data, at);
        at += 4;
      }
      need(1, at, end);
      const trackId = data[at] as number;
      at += 1;
      let to = end;
      if (type !== MULTITRACK.one) {
        need(3, at, end);
        const bytes = uint24(data, at);
        at += 3;
        need(bytes, at, end);
        to = at + bytes;
      }
      this.#body(isVideo, codec, trackId, data, at, to);
      at = to;
    } while (at < end);
  }

  #body(isVideo: boolean, codec: string, trackId: number, data: Uint8Array, start: number, end: number): void {
    const packet = this.#packet;
    if (packet === PACKET.codedFrames && (codec === 'avc1' || codec === 'hvc1')) {
      need(3, start, end);
      this.#sink.onPacket(isVideo, codec, trackId, packet, int24(data, start), data, start + 3, end);
    } else {
      this.#sink.onPacket(isVideo, codec, trackId, packet, 0, data, start, end);
    }
  }

  /** ModEx: size - 1 (8 bits; 255: then again in 16), data, type (4 bits), packet type (4). Nanoseconds are not used. */
  #skipModifiers(data: Uint8Array, start: number, end: number): number {
    let at = start;
    for (let i = 0; this.#packet === MOD_EX; i += 1) {
      need(1, at, end);
      let bytes = (data[at] as number) + 1;
      at += 1;
      if (bytes === 256) {
        need(2, at, end);
        bytes = (((data[at] as number) << 8) | (data[at + 1] as number)) + 1;
        at += 2;
      }
      need(bytes + 1, at, end);
      at += bytes;
      this.#packet = (data[at] as number) & 0x0f;
      at += 1;
      if (i === MAX_MODIFIERS) {
        throw new PerchError('badInput', `FLV tag with more than ${MAX_MODIFIERS} modifiers`);
      }
    }
    return at;
  }

  /** The same string for the same bytes: a tag comes for every picture. */
  #fourCcAt(data: Uint8Array, at: number): string {
    const number = uint24(data, at) * 256 + (data[at + 3] as number);
    let text = this.#fourCcs.get(number);
    if (text === undefined) {
      text = String.fromCharCode(...data.subarray(at, at + 4));
      if (this.#fourCcs.size < 16) {
        this.#fourCcs.set(number, text);
      }
    }
    return text;
  }
}

function need(bytes: number, at: number, end: number): void {
  if (end - at < bytes) {
    throw new PerchError('badInput', `FLV tag ends ${bytes - (end - at)} bytes too early`);
  }
}

const uint24 = (data: Uint8Array, at: number): number =>
  ((data[at] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number);
const int24 = (data: Uint8Array, at: number): number => (uint24(data, at) << 8) >> 8;
