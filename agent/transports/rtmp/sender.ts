import { explain } from '../../base/errors.ts';
import type { Stream } from '../../stream/stream.ts';
import { FlvPackets, type FlvViewer } from '../flv/packets.ts';
import type { FlvAbilities, FlvSelection } from '../flv/selection.ts';
import { rtmpFraming } from './messages.ts';

interface SenderLink {
  readonly queuedBytes: number;
  write(bytes: Uint8Array): void;
}

interface SenderOptions {
  readonly abilities: FlvAbilities;
  /** Of the peer's createStream. */
  readonly messageStream: number;
  /** Bytes that may wait, not counting the first group of pictures. */
  readonly limitBytes: number;
  /** Called once; `cause` undefined: the stream has ended. */
  onEnd(cause?: unknown): void;
}

/** Sends a stream to one peer. While the peer is too slow, frames up to the next key frame are dropped. */
export class RtmpSender implements FlvViewer {
  discardedFrames = 0;
  readonly #link: SenderLink;
  readonly #stream: Stream;
  readonly #options: SenderOptions;
  readonly #packets: FlvPackets;
  #allowedBytes = Number.POSITIVE_INFINITY;
  #waitsForKey = false;
  #isPaused = false;

  /** @throws PerchError if the peer takes no track of the stream */
  constructor(link: SenderLink, stream: Stream, options: SenderOptions) {
    this.#link = link;
    this.#stream = stream;
    this.#options = options;
    this.#packets = FlvPackets.of(stream, rtmpFraming(options.messageStream), options.abilities);
    this.#packets.checkAny();
  }

  /** Tracks that are not sent. */
  get rejected(): FlvSelection['rejected'] {
    return this.#packets.selection.rejected;
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
