import type { Clock } from '../../../../base/clock.ts';
import { PerchError } from '../../../../base/errors.ts';
import { joinSignals } from '../../../../base/joined-signal.ts';
import { WaitQuota } from '../../../../base/network/wait-quota.ts';
import { type NamedPaths, pathOf } from '../../../../protocols/zlm-path.ts';

/** ZLMediaKit's limit of the wait for a stream. */
const STREAM_WAIT_MS = 15_000;
const POLL_MS = 250;

/** Players that wait for a stream. */
export class WaitingPlayers {
  readonly #paths: NamedPaths;
  readonly #clock: Clock;
  /** In all, and of one address. Each keeps its offer, and one connection can bring thousands (pipelining). */
  readonly #places = new WaitQuota(100, 50);

  constructor(paths: NamedPaths, clock: Clock) {
    this.#paths = paths;
    this.#clock = clock;
  }

  /**
   * Plays `app` and `stream` once the stream exists.
   * @param play also checks permission: the names may map to another path meanwhile
   * @param ip canonical; `signal`: the client disconnected
   * @param isAwaited called once if the stream is missing; false: do not wait
   * @throws PerchError notFound `stream not found`, or another error of `play`
   */
  async play<T>(
    { app, stream }: { readonly app: string; readonly stream: string },
    play: (path: string) => Promise<T>,
    { ip, signal }: { readonly ip: string; readonly signal: AbortSignal },
    isAwaited: (path: string) => Promise<boolean>,
  ): Promise<T> {
    const untilMs = this.#clock.monoMs() + STREAM_WAIT_MS;
    const refused = new AbortController();
    const over = joinSignals([signal, refused.signal]);
    let wasTold = false;
    let fault: { readonly error: unknown } | undefined;
    try {
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
          // Not awaited: the hook may create the stream and answer after that.
          isAwaited(path).then(
            (isAwaitedNow) => isAwaitedNow || refused.abort(),
            (error: unknown) => {
              fault = { error };
              refused.abort();
            },
          );
        }
        const isThere = () => this.#paths.find(pathOf(app, stream, this.#paths))?.ready === true;
        const comes = await this.#comes(isThere, untilMs, ip, over.signal);
        if (fault) {
          throw fault.error;
        }
        if (!comes) {
          throw new PerchError('notFound', 'stream not found', { path });
        }
      }
    } finally {
      over.release();
    }
  }

  /** Whether the stream is missing. An unknown path counts as missing too: it may be configured during the wait. */
  #isMissing(error: unknown, path: string): boolean {
    const isUnknown = () => !this.#paths.isConfigured(path) && this.#paths.find(path) === undefined;
    return error instanceof PerchError && (error.code === 'notFound' || (error.code === 'badInput' && isUnknown()));
  }

  /** Waits until `isThere`. @returns false at the timeout or abort, or if too many players wait */
  async #comes(isThere: () => boolean, untilMs: number, ip: string, signal: AbortSignal): Promise<boolean> {
    const leave = this.#places.take(ip);
    if (!leave) {
      return false;
    }
    try {
      while (this.#clock.monoMs() < untilMs && !signal.aborted) {
        await this.#clock.sleep(POLL_MS, signal);
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
