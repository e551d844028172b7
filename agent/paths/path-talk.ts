import { PerchError } from '../base/errors.ts';
import type { BackChannel, Loudspeaker, TalkFormat } from '../stream/contracts.ts';

interface Talk {
  readonly onEnded: (reason: string) => void;
  /** Undefined while connecting. */
  channel: BackChannel | undefined;
  /** Why the talk has ended. */
  reason: string | undefined;
}

/** Talks through the camera of a path. They keep the path in use and end with it. */
export class PathTalk {
  readonly #name: string;
  readonly #loudspeaker: () => Loudspeaker | undefined;
  readonly #onIdle: () => void;
  readonly #talks = new Set<Talk>();
  readonly #over = new AbortController();
  #checks = 0;

  /**
   * @param name of the path, for messages
   * @param loudspeaker of the current source
   */
  constructor(name: string, loudspeaker: () => Loudspeaker | undefined, onIdle: () => void) {
    this.#name = name;
    this.#loudspeaker = loudspeaker;
    this.#onIdle = onIdle;
  }

  /** Whether neither a talk nor a check is active. */
  get isIdle(): boolean {
    return this.#talks.size === 0 && this.#checks === 0;
  }

  /** State of the loudspeaker, as known without a connection to the camera. */
  get state(): Loudspeaker['state'] {
    return this.#loudspeaker()?.state ?? 'no';
  }

  /** @throws PerchError with the reason */
  async check(): Promise<TalkFormat> {
    this.#checks += 1;
    try {
      return await this.#required().check(this.#over.signal);
    } finally {
      this.#checks -= 1;
      this.#onIdle();
    }
  }

  /** @throws PerchError with the reason */
  async open(onEnded: (reason: string) => void): Promise<BackChannel> {
    const talk: Talk = { onEnded, channel: undefined, reason: undefined };
    this.#talks.add(talk);
    try {
      const channel = await this.#required().open((reason) => this.#end(talk, reason), this.#over.signal);
      if (talk.reason !== undefined) {
        channel.close();
        throw new PerchError('unavailable', talk.reason, { path: this.#name });
      }
      talk.channel = channel;
      const { codec, clockRate, channels } = channel;
      return {
        codec,
        clockRate,
        channels,
        send: (payload, ticks) => channel.send(payload, ticks),
        close: () => {
          channel.close();
          this.#forget(talk);
        },
      };
    } catch (error) {
      this.#forget(talk);
      throw error;
    }
  }

  /** Ends the current talk; later ones fail. */
  close(reason: string): void {
    this.#over.abort(new PerchError('unavailable', reason, { path: this.#name }));
    for (const talk of [...this.#talks]) {
      this.#end(talk, reason);
    }
  }

  #required(): Loudspeaker {
    const loudspeaker = this.#loudspeaker();
    if (!loudspeaker) {
      const message = `path '${this.#name}' has no camera with a back channel`;
      throw new PerchError('unsupported', message, { path: this.#name });
    }
    return loudspeaker;
  }

  #end(talk: Talk, reason: string): void {
    talk.reason ??= reason;
    if (this.#talks.has(talk) && talk.channel) {
      this.#forget(talk);
      talk.onEnded(reason);
    }
  }

  #forget(talk: Talk): void {
    if (this.#talks.delete(talk)) {
      this.#onIdle();
    }
  }
}
