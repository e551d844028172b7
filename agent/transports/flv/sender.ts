import { explain } from '../../base/errors.ts';
import { TAG } from '../../media/flv/codes.ts';
import type { Stream } from '../../stream/stream.ts';
import { type FlvFraming, FlvPackets, type FlvViewer } from './packets.ts';
import type { FlvAbilities, FlvSelection } from './selection.ts';

export interface FlvLink {
  readonly queuedBytes: number;
  write(bytes: Uint8Array): void;
}

export interface FlvSenderOptions {
  readonly abilities: FlvAbilities;
  readonly framing: FlvFraming;
  /** Bytes that may wait, not counting the first group of pictures. */
  readonly limitBytes: number;
  /** Called once; `cause` is undefined if the stream has ended. */
  onEnd(cause?: unknown): void;
}

/** Sends a stream to one peer. While the peer is too slow, frames up to the next key frame are dropped. */
export class FlvSender implements FlvViewer {
  discardedFrames = 0;
  readonly #link: FlvLink;
  readonly #stream: Stream;
  readonly #options: FlvSenderOptions;
  readonly #packets: FlvPackets;
  #allowedBytes = Number.POSITIVE_INFINITY;
  #waitsForKey = false;
  #isPaused = false;

  /** @throws PerchError if the peer takes no track of the stream */
  constructor(link: FlvLink, stream: Stream, options: FlvSenderOptions) {
    this.#link = link;
    this.#stream = stream;
    this.#options = options;
    this.#packets = FlvPackets.of(stream, options.framing, options.abilities);
    this.#packets.checkAny();
  }

  /** Tracks that are not sent. */
  get rejected(): FlvSelection['rejected'] {
    return this.#packets.selection.rejected;
  }

  get hasVideo(): boolean {
    return this.#packets.selection.tags.some((tags) => tags?.type === TAG.video);
  }

  get hasAudio(): boolean {
    return this.#packets.selection.tags.some((tags) => tags?.type === TAG.audio);
  }

  start(): void {
    this.#packets.join(this);
    this.#allowedBytes = this.#options.limitBytes + this.#link.queuedBytes;
  }

  /** While it is paused nothing is sent; it continues with a key frame. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#waitsForKey = true;
  }

  close(): void {
    this.#packets.leave(this);
  }

  onHeaders(bytes: Buffer): void {
    this.#link.write(bytes);
  }

  onChunk(chunk: Buffer, _track: number, _packets: number, key: boolean): boolean {
    const link = this.#link;
    const { limitBytes } = this.#options;
    const queuedBytes = link.queuedBytes;
    this.#waitsForKey ||= queuedBytes > this.#allowedBytes;
    if (this.#isPaused || (this.#waitsForKey && !(key && queuedBytes <= limitBytes))) {
      this.discardedFrames += this.#isPaused ? 0 : 1;
      return false;
    }
    this.#waitsForKey = false;
    // The first group counts only after all of it is written.
    if (queuedBytes <= limitBytes && this.#allowedBytes !== Number.POSITIVE_INFINITY) {
      this.#allowedBytes = limitBytes;
    }
    link.write(chunk);
    this.#stream.countSent(chunk.length);
    return link.queuedBytes > 0;
  }

  onEnd(cause?: unknown): void {
    this.#options.onEnd(cause === undefined ? undefined : new Error(explain(cause), { cause }));
  }
}
