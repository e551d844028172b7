import type { CallerOptions } from './caller-options.ts';
import type { LoginKey, LoginTurn } from './login/login-memory.ts';

/** The turns of one caller's logins, and how long it has waited for them: that is no delay of the camera's. */
export class HeldTurns {
  readonly #options: Pick<CallerOptions, 'logins' | 'isAsked' | 'clock' | 'signal'>;
  #heldMs = 0;

  constructor(options: Pick<CallerOptions, 'logins' | 'isAsked' | 'clock' | 'signal'>) {
    this.#options = options;
  }

  /** The clock of deadlines: it stands still while a login waits for its turn. */
  monoMs(): number {
    return this.#options.clock.monoMs() - this.#heldMs;
  }

  async turn(key: LoginKey, signal = this.#options.signal): Promise<LoginTurn> {
    const { logins, isAsked, clock } = this.#options;
    const sinceMs = clock.monoMs();
    try {
      return await logins.turn(key, { isAsked, signal });
    } finally {
      this.#heldMs += clock.monoMs() - sinceMs;
    }
  }
}
