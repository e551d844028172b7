import type { Challenge } from '../../media/rtsp/digest.ts';
import type { CallerOptions } from './caller-options.ts';
import type { LoginKey, LoginScheme, LoginTurn } from './login/login-memory.ts';

/** One way to authenticate one request. */
export interface Attempt {
  readonly scheme: LoginScheme | 'anonymous';
  readonly challenge?: Challenge | undefined;
  /** The challenge came with an earlier call, so a new challenge is not a rejection. */
  readonly isReused?: boolean;
  /** Tried within this call: algorithms, `token`, `stale`, `clock`. */
  readonly tried: readonly string[];
  /** The camera rejects this call without a login. */
  readonly isLoginRequired?: boolean | undefined;
  readonly turn?: LoginTurn | undefined;
  /** Turn of a token with another time: this attempt decides whether its password was wrong. */
  readonly earlier?: LoginTurn | undefined;
}

/** Key in `LoginMemory.refusedSchemes`. */
export const schemeNameOf = ({ scheme, challenge }: Attempt): string => `onvif ${challenge?.algorithm ?? scheme}`;

/**
 * The next attempt by the camera's challenges: HTTP Digest, strongest first, without a token (RFC 7616; a few cameras reject two logins in
 * one request); a token if there is no challenge. A rejected login is not retried in another form within the call: that would count as one
 * more wrong password. Basic is the caller's decision.
 * @param refused schemes that were rejected in earlier calls
 */
export function nextAttempt(
  { scheme, tried, isReused }: Attempt,
  challenges: readonly Challenge[],
  refused: ReadonlySet<string>,
): Attempt | undefined {
  const offered = challenges.filter((one) => one.scheme === 'digest');
  const [again] = offered;
  if (again && (isReused || (again.isStale && !tried.includes('stale')))) {
    return { scheme: 'digest', challenge: again, tried: [...tried, again.algorithm, 'stale'], isLoginRequired: true };
  }
  if (scheme !== 'none') {
    return undefined;
  }
  const options: Attempt[] = offered.map((challenge) => ({
    scheme: 'digest',
    challenge,
    tried: [...tried, challenge.algorithm],
    isLoginRequired: true,
  }));
  if (!tried.includes('token')) {
    options.push({ scheme: 'token', tried: [...tried, 'token'], isLoginRequired: true });
  }
  return options.find((option) => !refused.has(schemeNameOf(option))) ?? options[0];
}

/** Takes login turns and counts the time spent waiting for them, which is not the camera's delay. */
export class LoginTurns {
  readonly #options: Pick<CallerOptions, 'logins' | 'isInteractive' | 'clock' | 'signal'>;
  #waitedMs = 0;

  constructor(options: Pick<CallerOptions, 'logins' | 'isInteractive' | 'clock' | 'signal'>) {
    this.#options = options;
  }

  /** The clock of deadlines: it stands still while a login waits for its turn. */
  monoMs(): number {
    return this.#options.clock.monoMs() - this.#waitedMs;
  }

  async turn(key: LoginKey, signal = this.#options.signal): Promise<LoginTurn> {
    const { logins, isInteractive, clock } = this.#options;
    const sinceMs = clock.monoMs();
    try {
      return await logins.turn(key, { isInteractive, signal });
    } finally {
      this.#waitedMs += clock.monoMs() - sinceMs;
    }
  }
}
