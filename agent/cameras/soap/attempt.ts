import type { Challenge } from '../../media/rtsp/digest.ts';
import type { LoginScheme } from './login-memory.ts';
import type { SoapReply } from './reply.ts';
import type { ShownLogin } from './shown-logins.ts';

/** One way of being let in, for one request. */
export interface Attempt {
  readonly scheme: LoginScheme | 'anonymous';
  readonly challenge?: Challenge | undefined;
  /** The challenge is one of an earlier call: a new one is no refusal. */
  readonly isReused?: boolean;
  /** Of this call: algorithms, `token`, `stale`, `clock`. */
  readonly tried: readonly string[];
  readonly shown?: ShownLogin | undefined;
}

/** What has come of one. */
export interface Sent {
  readonly reply: SoapReply;
  readonly shown: ShownLogin | undefined;
}

/**
 * The next way, as the camera's challenges want it: HTTP Digest, the strongest first, without a token beside it (RFC 7616; a few refuse
 * two logins at once); or a token, when it does not say what it wants. Basic is the caller's decision.
 */
export function nextAttempt(attempt: Attempt, challenges: readonly Challenge[]): Attempt | undefined {
  const { scheme, tried, isReused } = attempt;
  const offered = challenges.filter((one) => one.scheme === 'digest');
  const again = offered[0];
  if (again && (isReused || (again.isStale && !tried.includes('stale')))) {
    return { scheme: 'digest', challenge: again, tried: [...tried, again.algorithm, 'stale'] };
  }
  const digest = offered.find(({ algorithm }) => !tried.includes(algorithm));
  if (digest) {
    return { scheme: 'digest', challenge: digest, tried: [...tried, digest.algorithm] };
  }
  return scheme === 'none' && !tried.includes('token') ? { scheme: 'token', tried: [...tried, 'token'] } : undefined;
}
