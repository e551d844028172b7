import { putBounded } from '../base/bounded-map.ts';
import { explain } from '../base/errors.ts';
import type { ServerClaims } from '../base/files/server-claims.ts';
import type { Logger } from '../base/log.ts';
import type { CameraEvent, EventFeed, EventListener } from '../record/events/event.ts';

interface ActedEventsOptions {
  readonly hub: Pick<EventFeed, 'listen'>;
  readonly claims: Pick<ServerClaims, 'isShared' | 'take'>;
  /** Whether the camera is one of another box, whose events other servers may have, too. */
  readonly isRemote: (path: string) => boolean;
  readonly log: Logger;
}

/**
 * The events on which this server acts, by rules and notifications: all those of its own cameras, and those of other boxes' cameras that no
 * other server with the same database acts on.
 */
export class ActedEvents implements Pick<EventFeed, 'listen'> {
  readonly #options: ActedEventsOptions;
  readonly #listeners = new Set<EventListener>();
  /** Whether this server acts, by path and id of the event; a promise while it asks the others. */
  readonly #decided = new Map<string, boolean | Promise<boolean>>();

  constructor(options: ActedEventsOptions) {
    this.#options = options;
    options.hub.listen((event, known) => this.#take(event, known));
  }

  listen(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(event: CameraEvent, known: CameraEvent | undefined): void {
    const { claims, isRemote } = this.#options;
    if (!claims.isShared || !isRemote(event.path)) {
      this.#tell(event, known);
      return;
    }
    const key = `${event.id} ${event.path}`;
    const decided = this.#decided.get(key) ?? this.#decide(key);
    if (decided === true) {
      this.#tell(event, known);
    } else if (decided !== false) {
      // Reports of an event stay in their order.
      void decided.then((acts) => acts && this.#tell(event, known));
    }
  }

  #decide(key: string): Promise<boolean> {
    const deciding = this.#options.claims.take(`event ${key}`).then((acts) => {
      this.#note(key, acts);
      return acts;
    });
    this.#note(key, deciding);
    return deciding;
  }

  /** As many as may be ongoing. */
  #note(key: string, acts: boolean | Promise<boolean>): void {
    putBounded(this.#decided, key, acts, 20_000);
  }

  #tell(event: CameraEvent, known: CameraEvent | undefined): void {
    for (const listener of this.#listeners) {
      try {
        listener(event, known);
      } catch (error) {
        this.#options.log.error({ cause: explain(error), event: event.id }, 'event rejected');
      }
    }
  }
}
