import { randomBytes } from 'node:crypto';
import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { authorization, type Challenge, type Credentials, parseChallenges } from '../../media/rtsp/digest.ts';
import { type Attempt, nextAttempt, type Sent } from './attempt.ts';
import { leftOf, type TimedCall, timed, within } from './call-deadline.ts';
import { kindOf } from './call-lanes.ts';
import type { CallerOptions } from './caller-options.ts';
import { hash } from './digest-hash.ts';
import { type SoapVersion, usernameToken } from './envelope.ts';
import { cameraError, isReset, toNothing, troubleOf } from './failures.ts';
import { isAboutTime, isRefusal, isTokenUnknown } from './fault.ts';
import { exchange, type HttpPlace, nameOf } from './http-exchange.ts';
import type { KeptConnection } from './kept-connection.ts';
import { lockOf } from './lock-out.ts';
import { clearRefused, clockRefused, noRights, onvifOff, onvifUserMissing, wrongPassword } from './login-failures.ts';
import type { LoginKey, LoginScheme } from './login-memory.ts';
import { redirectOf } from './redirect.ts';
import { MAX_REPLY_BYTES, readReply, responseOf, type SoapReply } from './reply.ts';
import type { ShownLogin } from './shown-logins.ts';
import { skewOf, skewOfHeader } from './skew.ts';
import type { SoapCall } from './soap-call.ts';
import { writeRequest } from './soap-request.ts';
import { WebLogin } from './web-login.ts';
import { isAnswer, refusedStranger } from './without-login.ts';

/** Another place, token, clock, digest, its other algorithm, a nonce that has grown old. */
const MAX_EXCHANGES = 8;
const NONCE_BYTES = 20;
/** Clocks drift; a difference like this has been set. */
const CLOCK_MOVED_MS = 2_000;

/** Changes nothing, however often it is asked. */
const READS = /^\s*<\w+:Get/;
const CLOCK_CALL = { body: '<tds:GetSystemDateAndTime/>', response: 'GetSystemDateAndTimeResponse' };

/** Calls one camera, and finds out how it wants to be logged in to. */
export class SoapCaller {
  /** The camera's clock minus ours. */
  skewMs = 0;
  /** Over https: whether somebody that this machine knows has signed for it. */
  isTrusted: boolean | undefined;
  #place: HttpPlace;
  #version: SoapVersion = '1.2';
  /** It has spoken SOAP. */
  #isKnown = false;
  #challenge: Challenge | undefined;
  #nonceCount = 0;
  #headerSkewMs: number | undefined;
  /** The first reading that passed with the login. */
  #proof: SoapCall | undefined;
  readonly #options: CallerOptions;
  readonly #camera: string;
  readonly #web: WebLogin;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#web = new WebLogin(options);
    this.#place = options.place;
    this.#camera = nameOf(options.place);
  }

  get place(): HttpPlace {
    return this.#place;
  }

  /** @throws PerchError with `camera` in its context; see failures.ts */
  async call(asked: SoapCall): Promise<XmlElement> {
    const { lanes, deadlineMs, signal, clock } = this.#options;
    const kind = kindOf(asked.deadlineMs ?? deadlineMs, asked.isUrgent);
    const joined = joinSignals(asked.signal ? [asked.signal, signal] : [signal]);
    const converse = () => this.#converse(timed({ ...asked, signal: joined.signal }, clock, deadlineMs));
    return await lanes.run(this.#camera, kind, joined.signal, converse).finally(() => joined.release());
  }

  /** Learns how far the camera's clock is from ours: without a login, which would bear a wrong time. */
  readClock(): Promise<void> {
    const { lanes, signal, clock, deadlineMs } = this.#options;
    return lanes.run(this.#camera, 'plain', signal, async () => {
      this.skewMs = (await this.#askClock(timed(this.#clockCall, clock, deadlineMs))) ?? 0;
    });
  }

  #within(asked: TimedCall, question: SoapCall): TimedCall {
    const { clock, deadlineMs } = this.#options;
    return within(asked, timed({ ...question, deadlineMs: undefined }, clock, deadlineMs));
  }

  async #converse(asked: TimedCall): Promise<XmlElement> {
    let call = asked;
    let attempt = this.#firstAttempt(asked);
    for (let i = 0; i < MAX_EXCHANGES; i += 1) {
      const { reply, shown } = await this.#send(call, attempt);
      try {
        const moved = redirectOf(reply, call.place ?? this.#place, call.path);
        if (moved) {
          this.#place = call.place ? this.#place : moved.place;
          call = { ...call, path: moved.path, ...(call.place ? { place: moved.place } : {}) };
          continue;
        }
        const result = await this.#judge(call, { ...attempt, shown }, reply);
        if (!('scheme' in result)) {
          return result.element;
        }
        attempt = result;
      } finally {
        shown?.end();
      }
    }
    throw cameraError('badReply', `the camera gives no answer in ${MAX_EXCHANGES} requests`, { host: this.#camera });
  }

  #firstAttempt(asked: SoapCall): Attempt {
    const key = this.#key;
    if (!key || asked.isAnonymous) {
      return { scheme: 'anonymous', tried: [] };
    }
    if (this.#challenge && !asked.place) {
      const { scheme } = this.#challenge;
      return { scheme, challenge: this.#challenge, isReused: true, tried: [scheme] };
    }
    const { tokens } = this.#options;
    if (tokens) {
      return { scheme: 'none', tried: tokens === 'no' ? ['token'] : [] };
    }
    const known = this.#options.logins.schemeOf(key) ?? 'token';
    return { scheme: known === 'token' ? 'token' : 'none', tried: [] };
  }

  async #send(asked: TimedCall, attempt: Attempt): Promise<Sent> {
    const { guard } = this.#options;
    if (!guard || asked.isAnonymous) {
      return this.#sendOn(asked.connection, asked, attempt);
    }
    const send = (connection?: KeptConnection) => this.#sendOn(connection, asked, attempt);
    return guard.call(asked.place ?? this.#place, READS.test(asked.body), send);
  }

  async #sendOn(connection: KeptConnection | undefined, asked: TimedCall, attempt: Attempt): Promise<Sent> {
    const { clock, signal } = this.#options;
    const key = this.#key;
    const deadlineMs = leftOf(asked, clock, asked.place ?? this.#place);
    const shown = this.#show(attempt);
    const nowMs = clock.wallMs() + this.skewMs;
    const token = key && attempt.scheme === 'token' ? usernameToken(key, nowMs, randomBytes(NONCE_BYTES)) : '';
    const login = key && attempt.challenge && this.#answer(attempt.challenge, key, asked.path);
    const sent = exchange({
      ...writeRequest(this.#version, asked, token, login),
      place: asked.place ?? this.#place,
      maxBytes: MAX_REPLY_BYTES,
      deadlineMs,
      toldMs: asked.toldMs,
      signal: asked.signal ?? signal,
      connection,
    });
    const reply = await sent.catch((error: unknown) => {
      // One that is late may have been refused; one that nobody was there to see has not.
      if (troubleOf(error) === 'unreachable' && !isReset(error)) {
        shown?.end();
      }
      throw error;
    });
    this.isTrusted = reply.isTrusted;
    this.#headerSkewMs = skewOfHeader(reply, clock.wallMs());
    return { reply: readReply(reply), shown };
  }

  /** @returns undefined when no login goes with this request, or none yet */
  #show({ scheme, challenge }: Attempt): ShownLogin | undefined {
    const { logins, isAsked } = this.#options;
    const key = this.#key;
    if (key && (scheme === 'token' || challenge)) {
      return logins.show(key, isAsked);
    }
    if (key && scheme !== 'anonymous') {
      logins.check(key, isAsked);
    }
    return undefined;
  }

  /** It is no more on its way: else it would count twice. */
  #countRefusal(key: LoginKey, { shown }: Attempt): void {
    shown?.end();
    this.#options.logins.refused(key);
  }

  #answer(challenge: Challenge, key: Credentials, uri: string): string {
    this.#nonceCount = challenge === this.#challenge ? this.#nonceCount + 1 : 1;
    const clientNonce = randomBytes(8).toString('hex');
    return authorization(challenge, key, { method: 'POST', uri, clientNonce, count: this.#nonceCount }, hash);
  }

  /** The answer, or how to try again. */
  async #judge(asked: TimedCall, attempt: Attempt, reply: SoapReply): Promise<{ element: XmlElement } | Attempt> {
    const { fault } = reply;
    const key = this.#key;
    const hasLogin = attempt.scheme === 'token' || attempt.challenge !== undefined;
    this.#isKnown ||= reply.envelope !== undefined;
    const lock = hasLogin ? lockOf(reply) : undefined;
    const isRefused = reply.status === 401 || (fault ? isRefusal(fault) : reply.status === 403 && this.#isKnown);
    if (attempt.shown && (lock || isRefused)) {
      this.#options.guard?.doubt();
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
    if (key && hasLogin && !asked.isOpen && attempt.scheme !== 'anonymous') {
      await this.#passed(asked, key, attempt.scheme, attempt.challenge);
    }
    return { element };
  }

  async #passed(asked: TimedCall, key: LoginKey, scheme: LoginScheme, challenge: Challenge | undefined): Promise<void> {
    const { logins } = this.#options;
    if (!asked.place) {
      // Of another place it is for there alone: what was read over https must not go over http.
      this.#challenge = challenge ?? this.#challenge;
    }
    const isReading = READS.test(asked.body);
    // Some tell everybody what they are: that says nothing of a login that was refused for the rest.
    if (isReading && logins.isDoubted(key) && (await this.#isOpenToAll(asked))) {
      return;
    }
    if (isReading) {
      // Without the signal of a call that is over.
      this.#proof ??= { ...asked, signal: undefined };
    }
    logins.accepted(key, scheme);
  }

  /** When it cannot be found out the doubt stays. */
  async #isOpenToAll(asked: TimedCall): Promise<boolean> {
    try {
      await this.#converse(this.#within(asked, { ...asked, isAnonymous: true }));
      return true;
    } catch (error) {
      if (error instanceof PerchError) {
        return ['timeout', 'unreachable'].includes(troubleOf(error) ?? '');
      }
      throw error;
    }
  }

  /** What to try next; nothing is tried twice. */
  async #refused(asked: TimedCall, attempt: Attempt, reply: SoapReply): Promise<Attempt> {
    const key = this.#key;
    if (!key || attempt.scheme === 'anonymous') {
      throw refusedStranger(reply, this.#camera, asked.path, this.#isKnown);
    }
    this.#challenge = undefined;
    const challenges = parseChallenges(reply.headers['www-authenticate'] ?? []);
    const next = nextAttempt(attempt, challenges);
    const isUnasked = next?.scheme === 'token' && this.#options.tokens !== undefined && challenges.length > 0;
    if (next && !isUnasked) {
      if (attempt.challenge && !next.tried.includes('stale')) {
        this.#countRefusal(key, attempt);
      }
      return next;
    }
    const basic = challenges.find((one) => one.scheme === 'basic');
    if (basic && !attempt.challenge && reply.status === 401) {
      return this.#basic(basic, attempt, asked, key);
    }
    const skewMs = this.skewMs;
    const proved = await this.#proveAgain(asked, reply);
    if (proved && troubleOf(proved) !== 'noRights') {
      // Then what led here was a wrong password as well; or that cannot be found out now.
      this.#countRefusal(key, attempt);
    }
    const hasClockMoved = proved ? this.skewMs !== skewMs : await this.#clockHasMoved(asked, reply, key);
    if (attempt.scheme === 'token' && !attempt.tried.includes('clock') && hasClockMoved) {
      return { scheme: 'token', tried: [...attempt.tried, 'clock'] };
    }
    throw proved ?? (await this.#refusal(asked, attempt, reply, key));
  }

  /** Whoever is in between reads it: over http only where the owner has allowed it. */
  #basic(challenge: Challenge, attempt: Attempt, asked: TimedCall, key: LoginKey): Attempt {
    const { scheme, tried } = attempt;
    const { tokens, isClearAllowed } = this.#options;
    // Where it is not known yet who answers, https hides it from those in between and not from him.
    if (tokens === undefined && ((asked.place ?? this.#place).isSecure || isClearAllowed)) {
      return { scheme: 'basic', challenge, tried };
    }
    if (scheme === 'token') {
      // Perhaps it was looked at, and was wrong.
      this.#countRefusal(key, attempt);
    }
    throw clearRefused({ host: this.#camera });
  }

  async #refusal(asked: TimedCall, attempt: Attempt, reply: SoapReply, key: LoginKey): Promise<Error> {
    const facts = { host: this.#camera, status: reply.status, subcode: reply.fault?.codes.at(-1) };
    if (!this.#isKnown && !attempt.challenge) {
      return onvifOff(asked.path, facts);
    }
    const { logins, clock } = this.#options;
    this.#countRefusal(key, attempt);
    if (reply.fault && isAboutTime(reply.fault)) {
      logins.found(key, 'clock');
      return clockRefused(facts);
    }
    const leftMs = Math.max(1, asked.untilMs - clock.monoMs());
    const isKnownElsewhere = await this.#web.takes(this.#place, key, leftMs);
    const known = { ...facts, triesLeft: logins.triesLeft(key) };
    return isKnownElsewhere ? onvifUserMissing(known) : wrongPassword(known);
  }

  /**
   * The login has passed before, so it may be the right to this one thing that is missing; or the password has been changed meanwhile.
   * @returns undefined when what has passed passes without a login as well, and so has proved nothing
   */
  async #proveAgain(asked: TimedCall, { status, fault }: SoapReply): Promise<Error | undefined> {
    const proof = this.#proof;
    if (!proof) {
      return undefined;
    }
    this.#proof = undefined;
    try {
      await this.#converse(this.#within(asked, { ...proof, isAnonymous: true }));
      return undefined;
    } catch (error) {
      if (troubleOf(error) !== 'wrongPassword') {
        return error as Error;
      }
    }
    const { logins, isAsked } = this.#options;
    if (this.#key && !logins.mayTry(this.#key, isAsked)) {
      return undefined;
    }
    try {
      await this.#converse(this.#within(asked, proof));
      return noRights({ host: this.#camera, status, subcode: fault?.codes.at(-1) });
    } catch (error) {
      return error as Error;
    }
  }

  /** Reads the clock once more. Some tell their local time as UTC: then the HTTP header is believed. */
  async #clockHasMoved(asked: TimedCall, reply: SoapReply, key: LoginKey): Promise<boolean> {
    const before = this.skewMs;
    const isNew = (skewMs: number | undefined): skewMs is number =>
      skewMs !== undefined && Math.abs(skewMs - before) > CLOCK_MOVED_MS;
    const header = skewOfHeader(reply, this.#options.clock.wallMs());
    const told = await this.#askClock(this.#within(asked, this.#clockCall)).catch(toNothing);
    const better = [told, header].find(isNew);
    this.skewMs = better ?? before;
    if (better !== undefined && !(reply.fault && isAboutTime(reply.fault))) {
      // It may have been the password all the same; if not, the next try makes up for it.
      this.#options.logins.refused(key);
    }
    return better !== undefined;
  }

  async #askClock(asked: TimedCall): Promise<number | undefined> {
    const { clock } = this.#options;
    const sentMs = clock.wallMs();
    try {
      const response = await this.#converse(asked);
      return skewOf(response, (sentMs + clock.wallMs()) / 2) ?? this.#headerSkewMs;
    } catch (error) {
      if (isAnswer(error, this.#isKnown, this.#key !== undefined)) {
        return this.#headerSkewMs;
      }
      throw error;
    }
  }

  get #clockCall(): SoapCall {
    return { ...CLOCK_CALL, path: this.#options.path, isOpen: true, isAnonymous: true };
  }

  get #key(): LoginKey | undefined {
    const { credentials } = this.#options;
    return credentials && { ...credentials, camera: this.#camera };
  }
}
