import { putBounded } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import { ServerClaims } from '../base/files/server-claims.ts';
import type { Logger } from '../base/log.ts';
import type { CameraEvent, EventFeed, EventListener } from '../record/events/event.ts';

/** As long as an event may go on: a server that starts meanwhile does not act on it. */
const CLAIMED_MS = 3_600_000;

interface ActedEventsOptions {
  readonly hub: Pick<EventFeed, 'listen'>;
  readonly dataDir: string;
  readonly clock: Clock;
  /** Whether the camera is one of another box, whose events other servers may have, too. */
  readonly isRemote: (path: string) => boolean;
  readonly log: Logger;
}

/**
 * The events on which this server acts, by rules and notifications: all those of its own cameras, and those of other boxes' cameras that no
 * other server with the same database acts on. Each listener has claims of its own: it may be open here while another one is not.
 */
export class ActedEvents {
  readonly #options: ActedEventsOptions;
  readonly #listeners = new Set<ActingListener>();
  #stop: AbortSignal | undefined;

  constructor(options: ActedEventsOptions) {
    this.#options = options;
    options.hub.listen((event, known) => {
      for (const listener of this.#listeners) {
        this.#take(listener, event, known);
      }
    });
  }

  /** @param name the same at all servers */
  listen(name: string, listener: EventListener): () => void {
    const acting = new ActingListener(name, listener, this.#options);
    this.#listeners.add(acting);
    return () => this.#listeners.delete(acting);
  }

  /** From now until the stop this server also acts on what other servers may have. Called when it can. */
  begin(stop: AbortSignal): void {
    this.#stop = stop;
  }

  #take(listener: ActingListener, event: CameraEvent, known: CameraEvent | undefined): void {
    if (!listener.claims.isShared || !this.#options.isRemote(event.path)) {
      listener.tell(event, known);
      return;
    }
    const isOpen = this.#stop?.aborted === false;
    const acts = listener.acts(`${event.id} ${event.path}`, isOpen);
    if (acts === true) {
      listener.tell(event, known);
    } else if (acts !== false) {
      // Reports of an event stay in their order.
      void acts.then((isOwn) => isOwn && listener.tell(event, known));
    }
  }
}

class ActingListener {
  readonly claims: ServerClaims;
  readonly #name: string;
  readonly #listener: EventListener;
  readonly #log: Logger;
  /** Whether this server acts, by path and id of the event; a promise while it asks the others. */
  readonly #decided = new Map<string, boolean | Promise<boolean>>();

  constructor(name: string, listener: EventListener, { dataDir, clock, log }: ActedEventsOptions) {
    this.claims = new ServerClaims({ dataDir, clock, lastsMs: CLAIMED_MS });
    this.#name = name;
    this.#listener = listener;
    this.#log = log;
  }

  /** @param mayAsk false: only what is decided */
  acts(key: string, mayAsk: boolean): boolean | Promise<boolean> {
    return this.#decided.get(key) ?? (mayAsk && this.#decide(key));
  }

  #decide(key: string): Promise<boolean> {
    const deciding = this.claims.take(`${this.#name} ${key}`).then((acts) => {
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

  tell(event: CameraEvent, known: CameraEvent | undefined): void {
    try {
      this.#listener(event, known);
    } catch (error) {
      this.#log.error({ cause: explain(error), event: event.id }, 'event rejected');
    }
  }
}
