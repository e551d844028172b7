import { PerchError } from '../base/errors.ts';
import type { Track } from '../media/sample/track.ts';
import type { Publication, Publisher, StreamSink } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';
import type { PathOrigin } from './path-parts.ts';
import { cannotPublish } from './path-settings.ts';

interface PublisherOwner {
  /** Another publisher has taken the path; it has no stream yet. */
  publisherChanged(): void;
  streamOpened(tracks: readonly Track[]): Stream;
  /** The path has no publisher any more. */
  publisherLeft(): void;
}

/** The publisher of a path: one at a time, the newest one if `overridePublisher` allows it. */
export class PathPublisher {
  current: Publisher | undefined;
  readonly #name: string;
  readonly #origin: () => PathOrigin;
  readonly #owner: PublisherOwner;

  /** @param origin as configured now */
  constructor(name: string, origin: () => PathOrigin, owner: PublisherOwner) {
    this.#name = name;
    this.#origin = origin;
    this.#owner = owner;
  }

  /** @throws PerchError badInput when the path is not for publishers, or has one that may not be replaced */
  mayPublish(): Pick<StreamSink, 'usesSenderClock' | 'isSilent' | 'demuxesMpegts'> {
    const path = this.#name;
    const origin = this.#origin();
    if (origin.kind === 'private') {
      const message = `path '${path}' takes no publisher: it is private in the present mode`;
      throw new PerchError('badInput', message, { path });
    }
    if (origin.kind !== 'publisher') {
      throw cannotPublish(path);
    }
    if (this.current && !origin.mayOverride) {
      throw new PerchError('badInput', `someone is already publishing to path '${path}'`, { path });
    }
    return origin;
  }

  /** @throws PerchError badInput when the path is not for publishers, or has one that may not be replaced */
  publish(publisher: Publisher): Publication {
    const path = this.#name;
    const { usesSenderClock = false, isSilent = false, demuxesMpegts = false } = this.mayPublish();
    this.replace(`another publisher has taken path '${path}'`, 'publisher');
    this.#owner.publisherChanged();
    this.current = publisher;
    return {
      usesSenderClock,
      isSilent,
      demuxesMpegts,
      publish: (tracks) => {
        if (this.current !== publisher) {
          throw new PerchError('unavailable', `another publisher has taken path '${path}'`, { path });
        }
        return this.#owner.streamOpened(tracks);
      },
      close: () => {
        if (this.current === publisher) {
          this.current = undefined;
          this.#owner.publisherLeft();
        }
      },
    };
  }

  /** Ends the publisher, if there is one. */
  replace(reason: string, by: 'publisher' | 'configuration'): void {
    const publisher = this.current;
    this.current = undefined;
    publisher?.onReplaced(reason, by);
  }
}
