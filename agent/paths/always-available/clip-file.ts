import { resolve } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { SerialQueue } from '../../base/serial-queue.ts';
import { type Clip, openClip } from './clip.ts';
import { ClipPlayer } from './clip-player.ts';

/** A disk that does not answer must not keep readers without a picture. */
const MAX_OPEN_MS = 5_000;

/** By file: on a disk that hangs each open holds a thread of the pool for good, so the paths that play a file take turns. */
const turns = new Map<string, SerialQueue>();
/** Files whose open has not ended. */
const unanswered = new Set<string>();

type OnEnded = (player: ClipPlayer, isChanged: boolean) => void;

/** The file of `alwaysAvailableFile`. */
export class ClipFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #openClip: typeof openClip;
  /** What the log says already; undefined while the file can be played. */
  #reason: string | undefined;

  /** @param log with the name of the path */
  constructor(path: string, clock: Clock, log: Logger, open = openClip) {
    this.#path = resolve(path);
    this.#clock = clock;
    this.#log = log;
    this.#openClip = open;
  }

  /**
   * A player of the file's present content, or undefined if it cannot be played, which is logged.
   * @param onEnded called when the player has stopped by itself; `isChanged`: the file has another content
   */
  open(onEnded: OnEnded): Promise<ClipPlayer | undefined> {
    const queue = turns.get(this.#path) ?? new SerialQueue();
    turns.set(this.#path, queue);
    return queue.run(() => this.#open(onEnded));
  }

  async #open(onEnded: OnEnded): Promise<ClipPlayer | undefined> {
    const over = new AbortController();
    const opening = this.#begin();
    try {
      const clip = await Promise.race([opening, this.#timeOut(over.signal)]);
      this.#reason = undefined;
      const player: ClipPlayer = new ClipPlayer(clip, this.#path, {
        onChanged: () => {
          this.#log.info({ file: this.#path }, 'alwaysAvailableFile has changed and is opened again');
          onEnded(player, true);
        },
        onFailed: (cause) => {
          this.#complain(cause);
          onEnded(player, false);
        },
      });
      return player;
    } catch (cause) {
      opening.then(({ handle }) => handle.close()).catch(() => {});
      this.#complain(cause);
      return undefined;
    } finally {
      over.abort();
    }
  }

  /** @throws PerchError timeout if an earlier open has not ended */
  async #begin(): Promise<Clip> {
    if (unanswered.has(this.#path)) {
      throw new PerchError('timeout', 'its disk still does not answer');
    }
    unanswered.add(this.#path);
    try {
      return await this.#openClip(this.#path);
    } finally {
      unanswered.delete(this.#path);
    }
  }

  async #timeOut(signal: AbortSignal): Promise<never> {
    await this.#clock.sleep(MAX_OPEN_MS, signal);
    throw new PerchError('timeout', `no answer from its disk within ${MAX_OPEN_MS / 1_000} s`);
  }

  #complain(cause: unknown): void {
    const reason = explain(cause);
    if (reason !== this.#reason) {
      this.#reason = reason;
      this.#log.error({ file: this.#path, reason }, 'alwaysAvailableFile cannot be played');
    }
  }
}
