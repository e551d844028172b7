import { PerchError } from '../../../base/errors.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import type { PeerKind, Reader, Stream, Watcher } from '../../../stream/stream.ts';
import type { Delivery, TransportKind } from '../transport/media-plane.ts';
import type { TcpDelivery } from '../transport/tcp-delivery.ts';
import type { ChosenTransport } from './choose-transport.ts';
import { type Response, setUpFields } from './response.ts';
import type { Role, RtspSession } from './session.ts';
import { withoutCredentials } from './target.ts';

export type CreateDelivery = (kind: TransportKind, session: RtspSession, stream: Stream) => Delivery | TcpDelivery;

/** A session that plays. It counts as a reader from its first SETUP on. */
export class PlaySession implements Role, Reader {
  media: Delivery | TcpDelivery | undefined;
  readonly kind: PeerKind;
  readonly id: string;
  readonly countsHolds = true;
  /** The URL of each track's SETUP, for RTP-Info: clients look for their own URLs. */
  readonly uris = new Map<number, string>();
  readonly #session: RtspSession;
  readonly #stream: Stream;
  readonly #createDelivery: CreateDelivery;
  #isPlaying = false;

  constructor(session: RtspSession, stream: Stream, createDelivery: CreateDelivery) {
    this.kind = session.options.kind;
    this.id = session.id;
    this.#session = session;
    this.#stream = stream;
    this.#createDelivery = createDelivery;
    stream.addReader(this, false);
  }

  get watcher(): Watcher {
    const { user, connection } = this.#session.options;
    return { user, remoteAddr: connection.remote };
  }

  get state(): 'idle' | 'read' {
    return this.#isPlaying ? 'read' : 'idle';
  }

  setUp(track: number, uri: string, { kind, wanted, key }: ChosenTransport): HeaderField[] {
    if (this.#isPlaying) {
      throw new PerchError('badInput', 'SETUP of a further track while playing');
    }
    if (track >= this.#stream.tracks.length) {
      throw new PerchError('notFound', `track ${track} of ${this.#stream.tracks.length}`);
    }
    if (this.uris.has(track)) {
      throw new PerchError('badInput', `track ${track} is set up already`);
    }
    this.media ??= this.#createDelivery(kind, this.#session, this.#stream);
    const transport = this.media.setUp(track, wanted, key);
    this.uris.set(track, withoutCredentials(uri));
    return setUpFields(transport, uri, this.media.keyOf(track));
  }

  play(): Response {
    const delivery = this.media;
    if (!delivery || this.#isPlaying) {
      // Some players repeat PLAY as a keepalive.
      return { status: delivery ? 200 : 455 };
    }
    const starts = delivery.start();
    this.#isPlaying = true;
    this.#stream.recipients.begin(this, this.#session.options.target.query);
    const info = starts.map(
      ({ track, sequence, rtpTime }) => `url=${this.uris.get(track)};seq=${sequence};rtptime=${rtpTime}`,
    );
    return {
      status: 200,
      headers: info.length > 0 ? [['RTP-Info', info.join(',')]] : [],
      onSent: () => {
        this.#session.logStarted('is reading from path');
        delivery.flow();
      },
    };
  }

  pause(): Response {
    if (this.#isPlaying) {
      this.#isPlaying = false;
      this.#stream.recipients.end(this);
      this.media?.stop();
    }
    return { status: 200 };
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const delivery = this.media;
    if (delivery && 'onFrame' in delivery) {
      delivery.onFrame(chunk, channel, start, end);
    }
  }

  close(): void {
    this.#isPlaying = false;
    this.#stream.recipients.end(this);
    this.#stream.removeReader(this);
    this.media?.close();
  }

  /** Does nothing: the delivery receives the samples itself. */
  onSample(): void {}

  onTrack(): void {}

  onEnd(): void {
    this.#session.finish('the stream has ended');
  }
}
