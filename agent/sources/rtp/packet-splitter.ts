import type { TrackReceiver } from '../../stream/ingest/track-receiver.ts';

const RTP_HEADER_BYTES = 12;
const NONE = -1;

/**
 * Finds the RTP packets in what was read from a stream socket at once: `unix+rtp` has no lengths between them. A packet begins where
 * payload type, SSRC and the next sequence number of a track are; each read begins with a packet.
 */
export class PacketSplitter {
  readonly #onPacket: (chunk: Uint8Array, start: number, end: number) => void;
  /** The track of each payload type. */
  readonly #tracks: (number | undefined)[] = new Array(128).fill(undefined);
  /** SSRCs by track. */
  readonly #ssrcs: number[];
  readonly #next: number[];

  constructor(
    receivers: readonly Pick<TrackReceiver, 'format' | 'payloadTypes'>[],
    onPacket: (chunk: Uint8Array, start: number, end: number) => void,
  ) {
    for (const [track, { format }] of receivers.entries()) {
      this.#tracks[format.payloadType] = track;
    }
    for (const [track, { payloadTypes }] of receivers.entries()) {
      for (const type of payloadTypes) {
        this.#tracks[type] ??= track;
      }
    }
    this.#ssrcs = receivers.map(() => NONE);
    this.#next = receivers.map(() => NONE);
    this.#onPacket = onPacket;
  }

  /** @param chunk valid during the call only */
  push(chunk: Uint8Array): void {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    this.#note(view, 0);
    for (let at = RTP_HEADER_BYTES; at + RTP_HEADER_BYTES <= chunk.length; at += 1) {
      if ((view.getUint8(at) & 0xc0) === 0x80 && this.#isNext(view, at)) {
        this.#onPacket(chunk, start, at);
        start = at;
        this.#note(view, at);
        at += RTP_HEADER_BYTES - 1;
      }
    }
    this.#onPacket(chunk, start, chunk.length);
  }

  #isNext(view: DataView, at: number): boolean {
    const track = this.#tracks[view.getUint8(at + 1) & 0x7f];
    return (
      track !== undefined &&
      view.getUint16(at + 2) === this.#next[track] &&
      view.getUint32(at + 8) === this.#ssrcs[track]
    );
  }

  #note(view: DataView, at: number): void {
    if (at + RTP_HEADER_BYTES <= view.byteLength) {
      const track = this.#tracks[view.getUint8(at + 1) & 0x7f];
      if (track !== undefined) {
        this.#next[track] = (view.getUint16(at + 2) + 1) & 0xffff;
        this.#ssrcs[track] = view.getUint32(at + 8);
      }
    }
  }
}
