import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { explain, PerchError, releaseFrames } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { type DestinationJson, destinationJson } from '../config/edit/json.ts';
import type { Destination } from '../config/schema/forward.ts';
import type { Forwarder } from '../protocols/contract.ts';
import { type SourceState, supervise } from '../sources/supervisor.ts';
import type { Stream } from '../stream/stream.ts';

/** A destination as in MediaMTX's API, then Perch's own fields. */
export interface ForwardItem {
  readonly id: string;
  /** Place in the list of the configuration, from 0. */
  readonly pos: number;
  readonly created: string;
  /** The destination without its secrets. */
  readonly conf: DestinationJson;
  /** The scheme of its URL. */
  readonly protocol: string;
  readonly state: 'idle' | 'forwarding' | 'error';
  /** Reason of the last failure; null: none since the stream began, since the last connection or while another server publishes there. */
  readonly lastError: string | null;
  readonly lastErrorTime: string | null;
  readonly outboundBytes: number;
  /** Number of attempts after a failure. */
  readonly reconnects: number;
}

/** Makes the forwarder of a destination, from the configuration in force. */
export type MakeForwarder = (destination: Destination) => Forwarder;

/** Publishes a path's stream to its destinations, each on its own. */
export class PathForwards {
  readonly #make: MakeForwarder;
  readonly #clock: Clock;
  readonly #log: Logger;
  #forwards: readonly Forward[] = [];
  #stream: Stream | undefined;
  readonly #ending = new Set<Promise<void>>();

  constructor(make: MakeForwarder, clock: Clock, log: Logger) {
    this.#make = make;
    this.#clock = clock;
    this.#log = log;
  }

  get items(): readonly ForwardItem[] {
    return this.#forwards.map((forward, pos) => forward.itemAt(pos));
  }

  /** Ends destinations that are no longer listed and begins new ones; the others are unaffected. */
  follow(destinations: readonly Destination[]): void {
    const former = [...this.#forwards];
    this.#forwards = destinations.map((destination) => {
      const known = former.findIndex((forward) => isDeepStrictEqual(forward.destination, destination));
      const [kept] = known < 0 ? [] : former.splice(known, 1);
      return kept ?? this.#begin(destination);
    });
    for (const forward of former) {
      this.#end(forward);
    }
  }

  start(stream: Stream): void {
    this.#stream = stream;
    for (const forward of this.#forwards) {
      forward.start(stream);
    }
  }

  /** The stream has ended. */
  stop(): void {
    this.#stream = undefined;
    for (const forward of this.#forwards) {
      this.#end(forward);
    }
  }

  /** Resolves when all connections are closed. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all(this.#ending);
  }

  #begin(destination: Destination): Forward {
    const forward = new Forward(destination, this.#make, this.#clock, this.#log);
    if (this.#stream) {
      forward.start(this.#stream);
    }
    return forward;
  }

  #end(forward: Forward): void {
    const ended = forward.stop().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}

/** One destination, kept connected while there is a stream. */
class Forward {
  readonly destination: Destination;
  readonly #id = randomUUID();
  readonly #created: string;
  readonly #make: MakeForwarder;
  readonly #clock: Clock;
  readonly #log: Logger;
  #forwarder: Forwarder | undefined;
  /** Sent by former forwarders. */
  #pastBytes = 0;
  #state: ForwardItem['state'] = 'idle';
  #lastError: string | null = null;
  #lastErrorTime: string | null = null;
  /** The last failure in the log since the stream began or since the last connection. */
  #logged: string | undefined;
  #reconnects = 0;
  #stop: AbortController | undefined;
  /** Runs never overlap: servers reject a second publisher, or let it replace the first. */
  #running: Promise<void> = Promise.resolve();

  constructor(destination: Destination, make: MakeForwarder, clock: Clock, log: Logger) {
    this.destination = destination;
    this.#make = make;
    this.#clock = clock;
    this.#created = this.#now();
    this.#log = log.child({ forward: this.#id });
  }

  itemAt(pos: number): ForwardItem {
    return {
      id: this.#id,
      pos,
      created: this.#created,
      conf: destinationJson(this.destination),
      protocol: this.#protocol,
      state: this.#state,
      lastError: this.#lastError,
      lastErrorTime: this.#lastErrorTime,
      outboundBytes: this.#pastBytes + (this.#forwarder?.outboundBytes ?? 0),
      reconnects: this.#reconnects,
    };
  }

  start(stream: Stream): void {
    const stop = new AbortController();
    this.#stop = stop;
    this.#running = this.#running.then(() => this.#run(stream, stop.signal));
  }

  /** Resolves when the connection is closed. */
  stop(): Promise<void> {
    this.#stop?.abort();
    this.#stop = undefined;
    return this.#running;
  }

  get #protocol(): string {
    return this.destination.dest.split(':', 1)[0]?.toLowerCase() ?? '';
  }

  async #run(stream: Stream, signal: AbortSignal): Promise<void> {
    this.#forgetError();
    this.#logged = undefined;
    const runOnce = async (): Promise<void> => {
      try {
        await this.#connect(stream, signal);
      } catch (cause) {
        if (!signal.aborted) {
          this.#note(cause);
        }
        throw cause;
      }
    };
    const onState = (state: SourceState): void => {
      if (state.kind === 'running' && state.attempt > 1) {
        this.#reconnects += 1;
      }
    };
    await supervise(runOnce, onState, this.#clock, signal);
    this.#state = 'idle';
  }

  async #connect(stream: Stream, signal: AbortSignal): Promise<void> {
    const forwarder = this.#make(this.destination);
    this.#forwarder = forwarder;
    let isWaiting = false;
    const onForwarding = () => {
      isWaiting = false;
      this.#forwarding();
    };
    const onWaiting = () => {
      isWaiting = true;
      this.#state = 'idle';
      this.#forgetError();
    };
    try {
      await forwarder.run(stream, onForwarding, signal, onWaiting);
      if (!signal.aborted && !isWaiting) {
        throw new PerchError('unavailable', 'the destination ended the connection');
      }
    } finally {
      this.#pastBytes += forwarder.outboundBytes;
      this.#forwarder = undefined;
      if (this.#state === 'forwarding') {
        this.#state = 'idle';
      }
    }
  }

  #forwarding(): void {
    this.#state = 'forwarding';
    this.#forgetError();
    this.#logged = undefined;
    this.#log.info({ protocol: this.#protocol }, 'forwarding to a destination');
  }

  #note(cause: unknown): void {
    const reason = explain(cause);
    if (reason !== this.#logged) {
      this.#log.warn({ protocol: this.#protocol, reason }, 'destination not reached, retrying');
    }
    releaseFrames(cause);
    this.#state = 'error';
    this.#logged = reason;
    this.#lastError = reason;
    this.#lastErrorTime = this.#now();
  }

  #forgetError(): void {
    this.#lastError = null;
    this.#lastErrorTime = null;
  }

  #now(): string {
    return new Date(this.#clock.wallMs()).toISOString();
  }
}
