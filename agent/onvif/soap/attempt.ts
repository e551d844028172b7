import type { Challenge } from '../../media/rtsp/digest.ts';
import type { LoginScheme, LoginTurn } from './login/login-memory.ts';
import type { SoapReply } from './reply.ts';

/** One way of being let in, for one request. */
export interface Attempt {
  readonly scheme: LoginScheme | 'anonymous';
  readonly challenge?: Challenge | undefined;
  /** The challenge is one of an earlier call: a new one is no refusal. */
  readonly isReused?: boolean;
  /** Of this call: algorithms, `token`, `stale`, `clock`. */
  readonly tried: readonly string[];
  /** The camera refuses this call without a login. */
  readonly isWanted?: boolean | undefined;
  readonly turn?: LoginTurn | undefined;
  /** Of a token with another time: whether the password was wrong comes out with this attempt. */
  readonly earlier?: LoginTurn | undefined;
}

/** What has come of one. */
export interface Sent {
  readonly reply: SoapReply;
  readonly turn: LoginTurn | undefined;
}

/** Of `LoginMemory.refusedSchemes`. */
export const kindOf = ({ scheme, challenge }: Attempt): string => `onvif ${challenge?.algorithm ?? scheme}`;

/**
 * The next way, as the camera's challenges want it: HTTP Digest, the strongest first, without a token beside it (RFC 7616; a few refuse
 * two logins at once); or a token, when it does not say what it wants. What was refused is not tried in another way in the same call: it
 * would be one more wrong password. Basic is the caller's decision.
 * @param refused kinds that earlier calls were refused with
 */
export function nextAttempt(
  { scheme, tried, isReused }: Attempt,
  challenges: readonly Challenge[],
  refused: ReadonlySet<string>,
): Attempt | undefined {
  const offered = challenges.filter((one) => one.scheme === 'digest');
  const [again] = offered;
  if (again && (isReused || (again.isStale && !tried.includes('stale')))) {
    return { scheme: 'digest', challenge: again, tried: [...tried, again.algorithm, 'stale'], isWanted: true };
  }
  if (scheme !== 'none') {
    return undefined;
  }
  const ways: Attempt[] = offered.map((challenge) => ({
    scheme: 'digest',
    challenge,
    tried: [...tried, challenge.algorithm],
    isWanted: true,
  }));
  if (!tried.includes('token')) {
    ways.push({ scheme: 'token', tried: [...tried, 'token'], isWanted: true });
  }
  return ways.find((way) => !refused.has(kindOf(way))) ?? ways[0];
}
