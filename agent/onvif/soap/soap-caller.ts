import { randomBytes } from 'node:crypto';
import type { XmlElement } from '@rgrove/parse-xml';
import { ignoreExpected } from '../../base/errors.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { type Challenge, parseChallenges } from '../../media/rtsp/digest.ts';
import { cameraError, isReset, isTrouble } from './http/failures.ts';
import { exchange, redirectOf } from './http/http-exchange.ts';
import { type HttpOrigin, hostPortOf } from './http/origin.ts';
import type { CameraConnection } from './http/persistent-connection.ts';
import { callKindOf } from './http/request-limiter.ts';
import {
  clearRefused,
  clockDoubted,
  clockRefused,
  noRights,
  onvifOff,
  onvifUserMissing,
  wrongPassword,
} from './login/login-failures.ts';
import type { LoginKey, LoginTurn } from './login/login-memory.ts';
import { NonceCache } from './login/nonce-cache.ts';
import { isReading, LoginProof } from './login-proof.ts';
import {
  anonymousRefusal,
  isOnvifAnswer,
  lockOf,
  MAX_REPLY_BYTES,
  readReply,
  responseOf,
  type SoapReply,
  skewOf,
  skewOfHeader,
} from './reply.ts';
import {
  type Attempt,
  type CallerOptions,
  LoginTurns,
  nextAttempt,
  remainingMs,
  type SoapCall,
  schemeNameOf,
  type TimedCall,
  withDeadline,
  writeRequest,
} from './soap-call.ts';
import { WebLogin } from './web-login.ts';
import { type SoapVersion, usernameToken } from './xml/envelope.ts';
import { isAboutTime, isRefusal, isTokenUnknown } from './xml/fault.ts';

/** Maximum requests of one call: redirect, token, clock, digest, its other algorithm, an expired nonce. */
const MAX_EXCHANGES = 8;
/** A camera is slow when one answer takes a third of the time of a call. */
const SLOW_SHARE = 3;
const NONCE_BYTES = 20;
/** Clocks drift; a larger difference means that the clock was set. */
const CLOCK_MOVED_MS = 2_000;
const CLOCK_CALL = { body: '<tds:GetSystemDateAndTime/>', response: 'GetSystemDateAndTimeResponse' };

/** Calls one camera and negotiates how it wants to be logged in to. */
export class SoapCaller {
  /** The camera's clock minus ours. */
  skewMs = 0;
  /** Over https: whether an authority that this box knows has signed the certificate. */
  isTrusted: boolean | undefined;
  #origin: HttpOrigin;
  #version: SoapVersion = '1.2';
  #isKnown = false;
  readonly #nonces = new NonceCache();
  #headerSkewMs: number | undefined;
  readonly #turns: LoginTurns;
  readonly #options: CallerOptions;
  readonly #camera: string;
  readonly #web: WebLogin;
  readonly #proof: LoginProof;
  /** Time limit of each call; longer if the camera was slow to report its time. */
  #deadlineMs: number;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs;
    this.#web = new WebLogin(options);
    this.#turns = new LoginTurns(options);
    this.#origin = options.origin;
    this.#camera = hostPortOf(options.origin);
    this.#proof = new LoginProof(options.clock, (call, reading) => this.#converse(this.#withinDeadline(call, reading)));
  }

  get origin(): HttpOrigin {
    return this.#origin;
  }

  /** @throws PerchError with `camera` in its context; see failures.ts */
  call(asked: SoapCall): Promise<XmlElement> {
    const { limiter, signal } = this.#options;
    const deadlineMs = this.#deadlineMs;
    const kind = callKindOf(asked.deadlineMs ?? 0, asked.isUrgent);
    return withJoinedSignal(asked.signal ? [asked.signal, signal] : [signal], undefined, (joined) =>
      limiter.run(this.#camera, kind, joined.signal, async () => {
        const call = withDeadline({ ...asked, signal: joined.signal }, this.#turns, deadlineMs);
        return this.#converse({ ...call, isLoginVerified: await this.#proof.verify(call) });
      }),
    );
  }

  /**
   * Measures the skew of the camera's clock: without a login, which would carry a wrong time. A camera that takes long for it gets as
   * long for all calls.
   */
  readClock(): Promise<void> {
    const { limiter, signal, deadlineMs, slowDeadlineMs = deadlineMs, clock } = this.#options;
    return limiter.run(this.#camera, 'plain', signal, async () => {
      const sinceMs = clock.monoMs();
      this.skewMs = (await this.#askClock(withDeadline(this.#clockCall, this.#turns, slowDeadlineMs))) ?? 0;
      // With a login, a call is up to two requests.
      this.#deadlineMs = clock.monoMs() - sinceMs > deadlineMs / SLOW_SHARE ? slowDeadlineMs : deadlineMs;
    });
  }

  /** A further request within a call ends with the call, and never uses the longer deadline of a call that waits for events. */
  #withinDeadline({ untilMs, reportedMs }: TimedCall, question: SoapCall): TimedCall {
    const further = withDeadline({ ...question, deadlineMs: undefined }, this.#turns, this.#deadlineMs);
    return {
      ...further,
      untilMs: Math.min(untilMs, further.untilMs),
      reportedMs: Math.max(reportedMs, further.reportedMs),
    };
  }

  async #converse(asked: TimedCall): Promise<XmlElement> {
    let call = asked;
    let attempt = this.#firstAttempt(asked);
    for (let i = 0; i < MAX_EXCHANGES; i += 1) {
      const { reply, turn } = await this.#send(call, attempt);
      try {
        const moved = redirectOf(reply, call.origin ?? this.#origin, call.path);
        if (moved) {
          this.#origin = call.origin ? this.#origin : moved.origin;
          call = { ...call, path: moved.path, ...(call.origin ? { origin: moved.origin } : {}) };
          continue;
        }
        const result = await this.#judge(call, { ...attempt, turn }, reply);
        if (!('scheme' in result)) {
          return result.element;
        }
        attempt = result;
      } finally {
        if (turn !== attempt.earlier) {
          turn?.end();
        }
      }
    }
    throw cameraError('badReply', `no reply from the camera after ${MAX_EXCHANGES} requests`, { host: this.#camera });
  }

  #firstAttempt(asked: SoapCall): Attempt {
    const key = this.#key;
    if (!key || asked.isAnonymous) {
      return { scheme: 'anonymous', tried: [] };
    }
    const challenge = asked.isPreAuth
      ? undefined
      : this.#nonces.get(asked.origin ?? this.#origin, this.#options.clock.monoMs());
    if (challenge) {
      return { scheme: challenge.scheme, challenge, isReused: true, tried: [challenge.algorithm] };
    }
    const { tokens, logins } = this.#options;
    // A challenge costs no try. A token is sent at once only if one was accepted before, and never if no login is needed.
    const isKnown = logins.schemeOf(key) === 'token' && !logins.refusedSchemes(key).has('onvif token');
    return tokens || asked.isPreAuth || !isKnown
      ? { scheme: 'none', tried: tokens === 'no' ? ['token'] : [] }
      : { scheme: 'token', tried: [] };
  }

  async #send(asked: TimedCall, attempt: Attempt): Promise<Pick<Attempt, 'turn'> & { readonly reply: SoapReply }> {
    const { guard, canUseSkew } = this.#options;
    if (attempt.scheme === 'token' && !canUseSkew(this.skewMs)) {
      throw clockDoubted(this.skewMs, { host: this.#camera });
    }
    const turn = await this.#turn(asked, attempt);
    if (callKindOf(asked.reportedMs) === 'waiting') {
      turn?.detach();
    }
    const send = (connection = asked.connection) => this.#sendOn(connection, asked, attempt);
    try {
      const reply = await (guard && !asked.isAnonymous
        ? guard.call(asked.origin ?? this.#origin, isReading(asked), send)
        : send());
      return { reply, turn };
    } catch (error) {
      // A late login may have been rejected; one that reached no camera has not.
      if (isTrouble(error, 'unreachable', 'otherCamera') && !isReset(error)) {
        turn?.end();
      }
      turn?.lost();
      throw error;
    }
  }

  async #sendOn(connection: CameraConnection | undefined, asked: TimedCall, attempt: Attempt): Promise<SoapReply> {
    const { clock, signal } = this.#options;
    const key = this.#key;
    const origin = asked.origin ?? this.#origin;
    const deadlineMs = remainingMs(asked, this.#turns, origin);
    const nowMs = clock.wallMs() + this.skewMs;
    const token = key && attempt.scheme === 'token' ? usernameToken(key, nowMs, randomBytes(NONCE_BYTES)) : '';
    const login = key && attempt.challenge && this.#nonces.authorize(origin, attempt.challenge, key, asked.path);
    const reply = await exchange({
      ...writeRequest(this.#version, asked, token, login),
      origin,
      maxBytes: MAX_REPLY_BYTES,
      deadlineMs,
      reportedMs: asked.reportedMs,
      signal: asked.signal ?? signal,
      connection,
    });
    this.isTrusted = reply.isTrusted;
    this.#headerSkewMs = skewOfHeader(reply, clock.wallMs());
    return readReply(reply);
  }

  /** @returns undefined if this request carries no login, or none yet */
  async #turn(asked: TimedCall, { scheme, challenge }: Attempt): Promise<LoginTurn | undefined> {
    const key = this.#key;
    if (key && (scheme === 'token' || challenge)) {
      return this.#turns.turn(key, asked.signal);
    }
    if (key && scheme !== 'anonymous') {
      this.#options.logins.check(key, this.#options.isInteractive);
    }
    return undefined;
  }

  async #judge(asked: TimedCall, attempt: Attempt, reply: SoapReply): Promise<{ element: XmlElement } | Attempt> {
    const { fault } = reply;
    const key = this.#key;
    const hasLogin = attempt.scheme === 'token' || attempt.challenge !== undefined;
    this.#isKnown ||= reply.envelope !== undefined;
    const lock = attempt.scheme === 'anonymous' ? undefined : lockOf(reply);
    const isRefused = reply.status === 401 || (fault ? isRefusal(fault) : reply.status === 403 && this.#isKnown);
    if (attempt.turn && (lock || isRefused)) {
      this.#options.guard?.recheck();
    }
    if (key && lock) {
      throw this.#options.logins.locked(key, lock.forMs);
    }
    if (isRefused) {
      return this.#refused(asked, attempt, reply);
    }
    if (fault?.codes.includes('VersionMismatch') && this.#version === '1.2') {
      this.#version = '1.1';
      return attempt;
    }
    if (key && fault && attempt.scheme === 'token' && isTokenUnknown(fault)) {
      this.#options.logins.learn(key, 'none');
      return { scheme: 'none', tried: ['token'] };
    }
    const expected = { camera: this.#camera, path: asked.path, response: asked.response, headers: asked.headers };
    const element = responseOf(reply, expected, this.#isKnown);
    if (key && hasLogin && (attempt.isLoginRequired || !asked.isPreAuth)) {
      await this.#passed(asked, key, attempt);
    }
    return { element };
  }

  async #passed(
    asked: TimedCall,
    key: LoginKey,
    { scheme, challenge, isLoginRequired, turn, earlier }: Attempt,
  ): Promise<void> {
    const { logins } = this.#options;
    if (challenge) {
      this.#nonces.accepted(asked.origin ?? this.#origin, challenge, this.#options.clock.monoMs());
    }
    // Some cameras answer anyone: that proves nothing about a login that was rejected elsewhere.
    if (
      isReading(asked) &&
      !isLoginRequired &&
      !logins.isAccepted(key) &&
      (await this.#proof.isOpenToAll(asked, asked))
    ) {
      return;
    }
    this.#proof.passed(asked);
    earlier?.end();
    turn?.accepted(scheme === 'anonymous' ? undefined : scheme, scheme === 'token' ? this.skewMs : undefined);
  }

  /** The next attempt; none is made twice. */
  async #refused(asked: TimedCall, attempt: Attempt, reply: SoapReply): Promise<Attempt> {
    const key = this.#key;
    if (!key || attempt.scheme === 'anonymous') {
      throw anonymousRefusal(reply, this.#camera, asked.path, this.#isKnown);
    }
    this.#nonces.drop(asked.origin ?? this.#origin);
    const challenges = parseChallenges(reply.headers['www-authenticate'] ?? []);
    const next = nextAttempt(attempt, challenges, this.#options.logins.refusedSchemes(key));
    const isUnwantedToken = next?.scheme === 'token' && this.#options.tokens !== undefined && challenges.length > 0;
    if (next && !isUnwantedToken) {
      return next;
    }
    const basic = challenges.find((one) => one.scheme === 'basic');
    if (basic && !attempt.challenge && reply.status === 401) {
      return this.#basic(basic, attempt, asked);
    }
    const hasClockMoved = await this.#clockHasMoved(asked, attempt, reply);
    const isNewClock = hasClockMoved && this.#options.canUseSkew(this.skewMs);
    if (attempt.scheme === 'token' && !attempt.tried.includes('clock') && isNewClock) {
      // Unless the camera names the time as the cause, the password may be wrong as well: the next attempt decides.
      const earlier = reply.fault && isAboutTime(reply.fault) ? undefined : attempt.turn;
      earlier?.lost();
      return { scheme: 'token', tried: [...attempt.tried, 'clock'], isLoginRequired: true, earlier };
    }
    if (asked.isLoginVerified && (await this.#proof.isClosed(asked))) {
      this.#proof.expire();
      attempt.turn?.end();
      attempt.earlier?.end();
      throw noRights({ host: this.#camera, status: reply.status, subcode: reply.fault?.codes.at(-1) });
    }
    throw await this.#refusal(asked, attempt, reply, key);
  }

  /** Basic is readable on the network: over http only if the owner has allowed it. */
  #basic(challenge: Challenge, attempt: Attempt, asked: TimedCall): Attempt {
    const { scheme, tried } = attempt;
    const { tokens, isClearAllowed } = this.#options;
    // Over https an unknown device would still read it.
    if (tokens === undefined && ((asked.origin ?? this.#origin).isSecure || isClearAllowed)) {
      return { scheme: 'basic', challenge, tried, isLoginRequired: true };
    }
    if (scheme === 'token') {
      // The camera may have checked the token and found it wrong.
      attempt.turn?.refused(schemeNameOf(attempt));
    }
    throw clearRefused({ host: this.#camera });
  }

  async #refusal(asked: TimedCall, attempt: Attempt, reply: SoapReply, key: LoginKey): Promise<Error> {
    const facts = { host: this.#camera, status: reply.status, subcode: reply.fault?.codes.at(-1) };
    if (!this.#isKnown && !attempt.challenge) {
      return onvifOff(asked.path, facts);
    }
    const { logins, clock } = this.#options;
    attempt.turn?.refused(schemeNameOf(attempt));
    attempt.earlier?.refused();
    if (reply.fault && isAboutTime(reply.fault)) {
      logins.setRefusalCause(key, 'clock');
      return clockRefused(facts);
    }
    const leftMs = Math.max(1, asked.untilMs - clock.monoMs());
    const isKnownElsewhere = await this.#web.accepts(this.#origin, key, leftMs);
    const known = { ...facts, triesLeft: logins.triesLeft(key) };
    return isKnownElsewhere ? onvifUserMissing(known) : wrongPassword(known);
  }

  /** Reads the clock again. Some cameras report local time as UTC: then the HTTP header counts. */
  async #clockHasMoved(asked: TimedCall, { scheme }: Attempt, reply: SoapReply): Promise<boolean> {
    if (scheme !== 'token') {
      return false;
    }
    const before = this.skewMs;
    const isNew = (skewMs: number | undefined): skewMs is number =>
      skewMs !== undefined && Math.abs(skewMs - before) > CLOCK_MOVED_MS;
    const header = skewOfHeader(reply, this.#options.clock.wallMs());
    const reported = await this.#askClock(this.#withinDeadline(asked, this.#clockCall)).catch(ignoreExpected);
    const better = [reported, header].find(isNew);
    this.skewMs = better ?? before;
    return better !== undefined;
  }

  async #askClock(asked: TimedCall): Promise<number | undefined> {
    const { clock } = this.#options;
    const sentMs = clock.wallMs();
    try {
      const response = await this.#converse(asked);
      return skewOf(response, (sentMs + clock.wallMs()) / 2) ?? this.#headerSkewMs;
    } catch (error) {
      if (isOnvifAnswer(error, this.#isKnown, this.#key !== undefined)) {
        return this.#headerSkewMs;
      }
      throw error;
    }
  }

  get #clockCall(): SoapCall {
    return { ...CLOCK_CALL, path: this.#options.path, isPreAuth: true, isAnonymous: true };
  }

  get #key(): LoginKey | undefined {
    const { credentials } = this.#options;
    return credentials && { ...credentials, camera: this.#camera };
  }
}
