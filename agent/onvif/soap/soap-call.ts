import type { Clock } from '../../base/clock.ts';
import type { Challenge, Credentials } from '../../media/rtsp/digest.ts';
import { type HttpRequest, noAnswer } from './http/http-exchange.ts';
import type { HttpOrigin } from './http/origin.ts';
import type { CameraConnection, CameraGuard } from './http/persistent-connection.ts';
import type { RequestLimiter } from './http/request-limiter.ts';
import type { LoginKey, LoginMemory, LoginScheme, LoginTurn } from './login/login-memory.ts';
import { actionOf, type SoapVersion, writeEnvelope } from './xml/envelope.ts';

export interface CallerOptions {
  readonly origin: HttpOrigin;
  readonly path: string;
  readonly credentials: Credentials | undefined;
  /** The owner allows the password to be sent unencrypted. */
  readonly isClearAllowed: boolean;
  /** A user has just entered the password: one that was rejected twice may be tried once more. */
  readonly isInteractive: boolean;
  /** An unrequested token could be replayed elsewhere: `last` = only if no HTTP Digest is offered, `no` = never. */
  readonly tokens?: 'last' | 'no' | undefined;
  /** Whether a token may carry the camera's time; HTTP Digest has no time. @param skewMs the camera's clock minus ours */
  readonly canUseSkew: (skewMs: number) => boolean;
  readonly deadlineMs: number;
  /** For all calls, if the camera was slow to report its time; default: `deadlineMs`. */
  readonly slowDeadlineMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logins: LoginMemory;
  readonly limiter: RequestLimiter;
  /** Covers all calls except anonymous ones. */
  readonly guard?: CameraGuard | undefined;
}

export interface SoapCall {
  readonly origin?: HttpOrigin;
  readonly path: string;
  /** XML with the prefixes of envelope.ts. */
  readonly headers?: string;
  readonly body: string;
  readonly response: string;
  readonly action?: string | undefined;
  /** More than 15 s: the call waits for events. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly connection?: CameraConnection | undefined;
  /** Goes ahead of the calls that wait for this camera. */
  readonly isUrgent?: boolean | undefined;
  /** Send no login, even if there is one. */
  readonly isAnonymous?: boolean;
  /** Cameras answer the call without a login (access class PRE_AUTH, ONVIF Core §5.9.4.3): a reply proves no login. */
  readonly isPreAuth?: boolean;
}

/** A call with its deadline. It covers the call and the further requests that find out why it was rejected. */
export interface TimedCall extends SoapCall {
  /** Monotonic time when the call ends. */
  readonly untilMs: number;
  /** The deadline that errors state. */
  readonly reportedMs: number;
  /** The login was accepted just before: a rejection then means a missing permission. */
  readonly isLoginVerified?: boolean;
}

export function withDeadline(call: SoapCall, clock: Pick<Clock, 'monoMs'>, deadlineMs: number): TimedCall {
  const reportedMs = call.deadlineMs ?? deadlineMs;
  return { ...call, reportedMs, untilMs: clock.monoMs() + reportedMs };
}

/** Whole milliseconds. @throws PerchError timeout when none are left */
export function remainingMs(
  { untilMs, reportedMs }: TimedCall,
  clock: Pick<Clock, 'monoMs'>,
  origin: HttpOrigin,
): number {
  const leftMs = Math.ceil(untilMs - clock.monoMs());
  if (leftMs <= 0) {
    throw noAnswer(origin, reportedMs);
  }
  return leftMs;
}

/**
 * The HTTP request of a call.
 * @param token WS-Security header, ahead of the call's own headers
 * @param login value of the Authorization header
 */
export function writeRequest(
  version: SoapVersion,
  call: SoapCall,
  token: string,
  login: string | undefined,
): Pick<HttpRequest, 'method' | 'path' | 'headers' | 'body'> {
  const body = writeEnvelope(version, token + (call.headers ?? ''), call.body);
  const action = call.action ?? actionOf(call.body) ?? '';
  // SOAP 1.2 part 2 §6.5.3; SOAP 1.1 §6.1.1.
  const type =
    version === '1.2'
      ? { 'Content-Type': `application/soap+xml; charset=utf-8${action === '' ? '' : `; action="${action}"`}` }
      : { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: `"${action}"` };
  const authorization = login === undefined ? {} : { Authorization: login };
  return {
    method: 'POST',
    path: call.path,
    headers: { ...type, 'Content-Length': `${Buffer.byteLength(body)}`, ...authorization },
    body,
  };
}

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
  /** Turn of an earlier attempt with a token of another time: this attempt decides whether the password was wrong. */
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
  readonly #options: CallerOptions;
  #waitedMs = 0;

  constructor(options: CallerOptions) {
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
