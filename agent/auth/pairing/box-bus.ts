/** The reason of an error: the bus does not carry this request, or not to this box. A connection may. */
export const NOT_CARRIED = 'notCarried';

/** The bus of a fleet, as a server uses it. */
export interface BusCarrier {
  /** Whether the box is on the bus now. */
  carries(box: string): boolean;
  /** Asks a box that is on the bus to connect to this server. Resolves when it has done so, or does not. */
  summon(box: string): Promise<void>;
  /** Why the box, which is on the bus, does not connect to this server; undefined: it does, or was not asked. */
  fault?(box: string): string | undefined;
  /**
   * Sends one small request to a box. Both are the bytes of HTTP/1.1, the answer as a whole.
   * @throws PerchError unavailable with `why` NOT_CARRIED, exhausted
   */
  ask(box: string, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  /**
   * Passes on the events of a box, one after the other, in their order.
   * @param from mark of the last event that was taken; undefined: all that the bus has
   * @param take gets what the box has sent, unchecked; when it rejects, the same comes again some seconds later
   * @returns ends it
   */
  follow(
    box: string,
    from: string | undefined,
    take: (event: unknown, mark: string) => Promise<void>,
  ): () => Promise<void>;
  /**
   * As `follow`, for the events that the bus has stored so far; `follow` may run at the same time.
   * @param done called when there are no more
   * @returns ends it early
   */
  past(
    box: string,
    from: string | undefined,
    take: (event: unknown, mark: string) => Promise<void>,
    done: () => void,
  ): () => Promise<void>;
}

/** Where the bus of a fleet and what shows cameras of boxes meet: each is a feature's. */
export class BoxBus {
  #carrier: BusCarrier | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #received = new WeakSet<object>();

  get carrier(): BusCarrier | undefined {
    return this.#carrier;
  }

  /** @param carrier undefined: there is no bus */
  attach(carrier: BusCarrier | undefined): void {
    this.#carrier = carrier;
    this.changed();
  }

  /** Notes that requests on this connection have come over the bus. */
  noteReceived(connection: object): void {
    this.#received.add(connection);
  }

  hasReceived(connection: object | undefined): boolean {
    return connection !== undefined && this.#received.has(connection);
  }

  /** Boxes have come or gone. */
  changed(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
