import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { Publication, WebRtcPaths } from '../session/contracts.ts';
import type { MediaStatistics, SecureLink, SessionMedia } from '../session/session-media.ts';
import { Intake, type IntakeOptions } from './intake.ts';

/** A peer's picture and sound on their way to a path (WHIP). */
export class Publishing implements SessionMedia {
  readonly state = 'publish';
  readonly #id: string;
  readonly #path: string;
  readonly #query: string;
  readonly #paths: Pick<WebRtcPaths, 'publish'>;
  readonly #intake: Intake;
  #publication: Publication | undefined;

  /** @param id of the session */
  constructor(id: string, options: IntakeOptions, paths: Pick<WebRtcPaths, 'publish'>, clock: Clock, log: Logger) {
    this.#id = id;
    this.#path = options.path;
    this.#query = options.query ?? '';
    this.#paths = paths;
    this.#intake = new Intake(options, clock, log);
  }

  get statistics(): MediaStatistics {
    return this.#intake.statistics;
  }

  /** Only somebody who is really there takes the path. */
  start(link: SecureLink): void {
    const publication = this.#paths.publish(this.#path, {
      type: 'webRTCSession',
      id: this.#id,
      query: this.#query,
      // Two pages that are both sure of themselves would take the path from each other for ever.
      onReplaced: (reason, by) => link.close(reason, by === 'publisher' ? 'final' : 'forNow'),
    });
    this.#publication = publication;
    this.#intake.start(link, {
      usesSenderClock: publication.usesSenderClock ?? false,
      isSilent: publication.isSilent ?? false,
      open: (tracks) => {
        const stream = publication.open(tracks);
        stream.onKeyFrameWanted = () => this.#intake.requestKeyFrame();
        return stream;
      },
    });
  }

  onRtp(packet: Buffer): void {
    this.#intake.onRtp(packet);
  }

  onRtcp(compound: Buffer): void {
    this.#intake.onRtcp(compound);
  }

  tick(): void {
    this.#intake.tick();
  }

  close(): void {
    this.#intake.close();
    this.#publication?.close();
    this.#publication = undefined;
  }
}
