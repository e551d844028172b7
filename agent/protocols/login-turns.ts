import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { answersAt } from '../base/network/answers-at.ts';
import type { Source, SourceStatistics, StreamSink } from '../stream/contracts.ts';
import type { LoginTarget, LoginTurn, LoginWatch } from './contract.ts';

interface LoginTurnOptions {
  /** Of the path. */
  readonly name: string;
  readonly clock: Clock;
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
    const turn = await watch.turn(signal, (asking) => this.#reach(asking));
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

  /** @throws PerchError unavailable */
  async #reach(signal: AbortSignal): Promise<void> {
    const { name: path, clock, target } = this.#options;
    const { host, hostPort } = target();
    const port = Number(hostPort.slice(hostPort.lastIndexOf(':') + 1));
    if (!(await answersAt(host, port, clock, signal))) {
      const message = `the camera of path '${path}' does not accept connections at ${hostPort}`;
      throw new PerchError('unavailable', message, { path, isUnreachable: true });
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
