import { PerchError } from '../base/errors.ts';
import type { Source, SourceStatistics, StreamSink } from '../stream/contracts.ts';
import type { LoginTarget, LoginTurn, LoginWatch } from './contract.ts';

interface LoginTurnOptions {
  readonly watch: LoginWatch;
  /** How the login is sent. */
  readonly kind: 'basic' | 'rtmp';
  /** @throws PerchError badInput */
  target(): LoginTarget;
}

/**
 * Wraps a source whose first request carries the login of its URL. `run` waits for its login turn, so until the camera has accepted the
 * login, one source at a time tries it.
 */
export class LoginTurnSource implements Source {
  readonly #source: Source;
  readonly #options: LoginTurnOptions;

  constructor(source: Source, options: LoginTurnOptions) {
    this.#source = source;
    this.#options = options;
  }

  get type(): string {
    return this.#source.type;
  }

  get statistics(): SourceStatistics | undefined {
    return this.#source.statistics;
  }

  get heldMs(): number {
    return this.#options.watch.heldMs;
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const { watch, kind, target } = this.#options;
    if (target().credentials === undefined) {
      await this.#source.run(sink, signal);
      return;
    }
    const turn = await watch.turn(signal);
    let isAccepted = false;
    const publish: StreamSink['publish'] = (tracks) => {
      isAccepted = true;
      turn.accepted();
      return sink.publish(tracks);
    };
    try {
      await this.#source.run({ ...sink, publish }, signal);
      turn.end();
    } catch (error) {
      if (isAccepted && isRefusal(error)) {
        watch.refused(kind);
      }
      settle(turn, signal.aborted ? undefined : error, kind);
      throw error;
    }
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof PerchError && error.code === 'unauthorized' && error.context['absence'] === 'password';

/** Reports the result of a failed run. A timeout may hide a rejected login; other errors say nothing about the login. */
function settle(turn: LoginTurn, error: unknown, kind: string): void {
  const isSilent = error instanceof PerchError && error.code === 'timeout' && error.context['isUnreachable'] !== true;
  if (isRefusal(error)) {
    turn.refused(kind);
  } else if (isSilent) {
    turn.lost();
  } else {
    turn.end();
  }
}
