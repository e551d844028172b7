import { PerchError } from '../../../base/errors.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { Publication, Publisher } from '../../../stream/contracts.ts';
import type { PeerKind } from '../../../stream/stream.ts';
import type { MediaReceiver } from '../transport/media-plane.ts';
import type { ChosenTransport } from './choose-transport.ts';
import type { RtspPaths } from './contracts.ts';
import { type Response, setUpFields } from './response.ts';
import type { Role, RtspSession } from './session.ts';
import { mediaOf } from './target.ts';

export type CreateReceiver = (kind: 'tcp' | 'udp', session: RtspSession, medias: readonly SdpMedia[]) => MediaReceiver;

/** A session that publishes, after ANNOUNCE. */
export class RecordSession implements Role, Publisher {
  media: MediaReceiver | undefined;
  readonly kind: PeerKind;
  readonly id: string;
  readonly query: string;
  readonly #session: RtspSession;
  readonly #medias: readonly SdpMedia[];
  readonly #createReceiver: CreateReceiver;
  readonly #isSetUp = new Set<number>();
  #publication: Publication | undefined;

  constructor(session: RtspSession, medias: readonly SdpMedia[], createReceiver: CreateReceiver) {
    this.kind = session.options.kind;
    this.id = session.id;
    this.query = session.options.target.query;
    this.#session = session;
    this.#medias = medias;
    this.#createReceiver = createReceiver;
  }

  get state(): 'idle' | 'publish' {
    return this.#publication ? 'publish' : 'idle';
  }

  setUp(uri: string, { kind, wanted, key }: ChosenTransport): HeaderField[] {
    if (this.#publication) {
      throw new PerchError('badInput', 'SETUP of a further track while recording');
    }
    const controls = this.#medias.map(({ control }) => control);
    const media = mediaOf(uri, this.#session.options.target, controls);
    if (media < 0) {
      throw new PerchError('badInput', 'the URL of SETUP names no media of ANNOUNCE');
    }
    if (this.#isSetUp.has(media)) {
      throw new PerchError('badInput', `media ${media} is set up already`);
    }
    if (kind === 'multicast') {
      throw new PerchError('unsupported', 'multicast is not available for publishing');
    }
    this.media ??= this.#createReceiver(kind, this.#session, this.#medias);
    const transport = this.media.setUp(media, wanted, key);
    this.#isSetUp.add(media);
    return setUpFields(transport, uri, this.media.keyOf(media));
  }

  record(paths: RtspPaths): Response {
    const receiver = this.media;
    if (this.#publication || !receiver) {
      return { status: 455 };
    }
    if (this.#isSetUp.size < this.#medias.length) {
      throw new PerchError(
        'badInput',
        `RECORD with ${this.#isSetUp.size} of ${this.#medias.length} media sections set up`,
      );
    }
    const publication = paths.publish(this.#session.options.target.name, this);
    this.#publication = publication;
    receiver.start(publication);
    this.#session.logStarted('is publishing to path');
    return { status: 200 };
  }

  /** Stops receiving. RECORD may follow. */
  pause(): Response {
    this.media?.stop();
    this.#endPublication();
    return { status: 200 };
  }

  onReplaced(reason: string): void {
    this.#session.close(reason);
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    if (this.#publication) {
      this.media?.onFrame(chunk, channel, start, end);
    }
  }

  close(): void {
    this.media?.close();
    this.#endPublication();
  }

  #endPublication(): void {
    const publication = this.#publication;
    this.#publication = undefined;
    publication?.close();
  }
}
