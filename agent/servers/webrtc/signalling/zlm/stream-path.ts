import type { Clock } from '../../../../base/clock.ts';
import { PerchError } from '../../../../base/errors.ts';
import { Places } from '../../../../base/places.ts';

/** As long as ZLMediaKit lets a player wait for a stream. */
const STREAM_WAIT_MS = 15_000;
const LOOK_EVERY_MS = 250;
/** Each keeps its offer meanwhile, and one connection can bring thousands (pipelining). */
const MAX_WAITING = 100;
/** The others' places are not all one's own. */
const MAX_WAITING_OF_ONE = 50;

/** The paths, as far as the mapping of names needs them. */
export interface NamedPaths {
  /** Undefined: no such path is there now. */
  find(path: string): { readonly ready: boolean } | undefined;
  /** Whether an entry of the configuration, or a pattern, stands for it. */
  isConfigured(path: string): boolean;
}

/** The path that `app` and `stream` mean: `app/stream`, and for the customary app `live` the plain `stream` where that is what there is. */
export function pathOf(app: string, stream: string, paths: NamedPaths): string {
  const full = `${app}/${stream}`;
  if (app !== 'live' || paths.find(full)) {
    return full;
  }
  const isPlain = paths.find(stream) !== undefined || (!paths.isConfigured(full) && paths.isConfigured(stream));
  return isPlain ? stream : full;
}

/** Players whose stream is not there yet. */
export class WaitingPlayers {
  readonly #paths: NamedPaths;
  readonly #clock: Clock;
  readonly #places = new Places(MAX_WAITING, MAX_WAITING_OF_ONE);

  constructor(paths: NamedPaths, clock: Clock) {
    this.#paths = paths;
    this.#clock = clock;
  }

  /**
   * Plays what `app` and `stream` mean, as soon as it is there.
   * @param play asks for permission too: the name may come to mean another path while we wait
   * @param ip canonical; `signal`: the client has gone
   * @param isAwaited told once that the stream is not there; false: there is no use in waiting
   * @throws PerchError notFound `stream not found`, or what `play` throws for another reason
   */
  async play<T>(
    { app, stream }: { readonly app: string; readonly stream: string },
    play: (path: string) => Promise<T>,
    { ip, signal }: { readonly ip: string; readonly signal: AbortSignal },
    isAwaited: (path: string) => Promise<boolean>,
  ): Promise<T> {
    const untilMs = this.#clock.monoMs() + STREAM_WAIT_MS;
    const refused = new AbortController();
    const over = AbortSignal.any([signal, refused.signal]);
    let wasTold = false;
    let fault: { readonly error: unknown } | undefined;
    for (;;) {
      const path = pathOf(app, stream, this.#paths);
      try {
        return await play(path);
      } catch (error) {
        if (!this.#isMissing(error, path)) {
          throw error;
        }
      }
      if (!wasTold) {
        wasTold = true;
        // It may make the stream while we wait, and answer when that is done.
        isAwaited(path).then(
          (isAwaitedNow) => isAwaitedNow || refused.abort(),
          (error: unknown) => {
            fault = { error };
            refused.abort();
          },
        );
      }
      const isThere = () => this.#paths.find(pathOf(app, stream, this.#paths))?.ready === true;
      const comes = await this.#comes(isThere, untilMs, ip, over);
      if (fault) {
        throw fault.error;
      }
      if (!comes) {
        throw new PerchError('notFound', 'stream not found', { path });
      }
    }
  }

  /** A path that is not in the configuration may be by and by. */
  #isMissing(error: unknown, path: string): boolean {
    const isUnknown = () => !this.#paths.isConfigured(path) && this.#paths.find(path) === undefined;
    return error instanceof PerchError && (error.code === 'notFound' || (error.code === 'badInput' && isUnknown()));
  }

  /** False: it is too late, or too many wait already. */
  async #comes(isThere: () => boolean, untilMs: number, ip: string, signal: AbortSignal): Promise<boolean> {
    const leave = this.#places.take(ip);
    if (!leave) {
      return false;
    }
    try {
      while (this.#clock.monoMs() < untilMs && !signal.aborted) {
        await this.#clock.sleep(LOOK_EVERY_MS, signal);
        if (isThere()) {
          return true;
        }
      }
      return false;
    } finally {
      leave();
    }
  }
}
