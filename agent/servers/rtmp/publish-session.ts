import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { TAG } from '../../media/flv/codes.ts';
import type { Paths, Publication, Publisher } from '../../stream/contracts.ts';
import { MAX_SURPLUS_MS, ReadThrottle } from '../../stream/ingest/read-throttle.ts';
import type { PeerKind } from '../../stream/stream.ts';
import { FlvInput } from '../../transports/rtmp/flv-input.ts';
import type { RtmpLink } from '../../transports/rtmp/link.ts';

interface PublishRequest {
  readonly kind: PeerKind;
  readonly id: string;
  readonly name: string;
  readonly query: string;
  readonly link: RtmpLink;
  /** Ends the connection. */
  close(reason: string): void;
}

/** A connection that publishes. */
export class PublishSession implements Publisher {
  readonly state = 'publish';
  readonly discardedFrames = 0;
  readonly kind: PeerKind;
  readonly id: string;
  readonly query: string;
  readonly #request: PublishRequest;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #publication: Publication;
  readonly #input: FlvInput;
  readonly #brake: ReadThrottle;
  #lastReceivedMs: number;
  #isTooFast = false;

  /** @throws PerchError when the path takes no publisher */
  constructor(request: PublishRequest, paths: Paths, clock: Clock, log: Logger) {
    const { kind, id, name, query, link } = request;
    this.kind = kind;
    this.id = id;
    this.query = query;
    this.#request = request;
    this.#clock = clock;
    this.#log = log.child({ path: name });
    this.#lastReceivedMs = clock.monoMs();
    this.#publication = paths.publish(name, this);
    this.#input = new FlvInput(this.#publication, name, 'publisher', clock, this.#log);
    this.#brake = new ReadThrottle(link, () => this.#input.surplusMs, clock);
  }

  /** Monotonic time of the last media; now while the publisher is slowed down, which is not silence. */
  get lastReceivedMs(): number {
    return this.#brake.isPulled ? this.#clock.monoMs() : this.#lastReceivedMs;
  }

  onMedia(type: number, timestamp: number, data: Uint8Array, start: number, end: number): void {
    if (type !== TAG.script) {
      this.#lastReceivedMs = this.#clock.monoMs();
    }
    this.#input.push(type, timestamp, data, start, end);
    if (this.#input.isAhead(MAX_SURPLUS_MS)) {
      if (!this.#isTooFast) {
        this.#isTooFast = true;
        this.#log.warn('publisher sends faster than real time and is slowed down (ffmpeg: -re)');
      }
      this.#brake.pull();
    }
  }

  onDamage(reason: string): void {
    this.#input.onDamage(reason);
  }

  /** @throws PerchError to end the connection */
  check(): void {
    this.#input.check();
  }

  onReplaced(reason: string): void {
    this.#request.close(reason);
  }

  close(): void {
    this.#brake.release();
    this.#publication.close();
  }
}
