import { explain } from '../../base/errors.ts';
import type { PeerKind, Reader, Stream, Watcher } from '../../stream/stream.ts';
import type { FlvAbilities, FlvSelection } from '../../transports/flv/selection.ts';
import type { RtmpLink } from '../../transports/rtmp/link.ts';
import { RtmpSender } from '../../transports/rtmp/sender.ts';

interface PlayRequest {
  readonly kind: PeerKind;
  readonly id: string;
  readonly query: string;
  readonly watcher: Watcher;
  readonly abilities: FlvAbilities;
  readonly messageStream: number;
  readonly link: RtmpLink;
  readonly limitBytes: number;
  /** The stream has ended. */
  finish(reason: string): void;
}

/** A connection that reads. */
export class PlaySession implements Reader {
  readonly state = 'read';
  readonly kind: PeerKind;
  readonly id: string;
  readonly watcher: Watcher;
  readonly countsHolds = true;
  readonly #request: PlayRequest;
  readonly #stream: Stream;
  readonly #sender: RtmpSender;

  /** @throws PerchError if the client takes no track of the stream */
  constructor(request: PlayRequest, stream: Stream) {
    const { kind, id, watcher, link, abilities, messageStream, limitBytes } = request;
    this.kind = kind;
    this.id = id;
    this.watcher = watcher;
    this.#request = request;
    this.#stream = stream;
    const onEnd = (cause?: unknown) => this.onEnd(cause);
    this.#sender = new RtmpSender(link, stream, { abilities, messageStream, limitBytes, onEnd });
    stream.addReader(this, false);
  }

  get discardedFrames(): number {
    return this.#sender.discardedFrames;
  }

  /** Tracks that are not sent. */
  get rejected(): FlvSelection['rejected'] {
    return this.#sender.rejected;
  }

  start(): void {
    this.#stream.recipients.begin(this, this.#request.query);
    this.#sender.start();
  }

  pause(isPaused: boolean): void {
    this.#sender.pause(isPaused);
  }

  /** Does nothing: the sender receives the samples itself. */
  onSample(): void {}

  onTrack(): void {}

  onEnd(cause?: unknown): void {
    this.#request.finish(cause === undefined ? 'the stream has ended' : explain(cause));
  }

  close(): void {
    this.#sender.close();
    this.#stream.recipients.end(this);
    this.#stream.removeReader(this);
  }
}
