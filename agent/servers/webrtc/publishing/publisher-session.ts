import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { Publication } from '../../../stream/contracts.ts';
import type { MediaStatistics, SecureLink, SessionMedia } from '../../../transports/webrtc/link/session-media.ts';
import { MediaReceiver, type MediaReceiverOptions } from '../../../transports/webrtc/receiving/media-receiver.ts';
import type { WebRtcPaths } from '../session/contracts.ts';
import { WEBRTC_SESSION } from '../session/session-kind.ts';

/** A peer's video and audio on their way to a path (WHIP). */
export class PublisherSession implements SessionMedia {
  readonly state = 'publish';
  readonly #id: string;
  readonly #path: string;
  readonly #query: string;
  readonly #paths: Pick<WebRtcPaths, 'publish'>;
  readonly #receiver: MediaReceiver;
  #publication: Publication | undefined;

  constructor(
    id: string,
    options: MediaReceiverOptions,
    paths: Pick<WebRtcPaths, 'publish'>,
    clock: Clock,
    log: Logger,
  ) {
    this.#id = id;
    this.#path = options.path;
    this.#query = options.query ?? '';
    this.#paths = paths;
    this.#receiver = new MediaReceiver(options, clock, log);
  }

  get statistics(): MediaStatistics {
    return this.#receiver.statistics;
  }

  /** The path is taken only once the peer is connected. */
  start(link: SecureLink): void {
    const publication = this.#paths.publish(this.#path, {
      kind: WEBRTC_SESSION,
      id: this.#id,
      query: this.#query,
      // Two publisher pages that retry would replace each other forever.
      onReplaced: (reason, by) => link.close(reason, by === 'publisher' ? 'final' : 'forNow'),
    });
    this.#publication = publication;
    this.#receiver.start(link, {
      usesSenderClock: publication.usesSenderClock ?? false,
      isSilent: publication.isSilent ?? false,
      publish: (tracks) => {
        const stream = publication.publish(tracks);
        stream.onKeyFrameWanted = () => this.#receiver.requestKeyFrame();
        return stream;
      },
    });
  }

  onRtp(packet: Buffer): void {
    this.#receiver.onRtp(packet);
  }

  onRtcp(compound: Buffer): void {
    this.#receiver.onRtcp(compound);
  }

  tick(): void {
    this.#receiver.tick();
  }

  close(): void {
    this.#receiver.close();
    this.#publication?.close();
    this.#publication = undefined;
  }
}
