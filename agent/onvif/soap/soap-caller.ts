import { randomBytes } from 'node:crypto';
import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { type Challenge, parseChallenges } from '../../media/rtsp/digest.ts';
import { type Attempt, kindOf as kindOfAttempt, nextAttempt, type Sent } from './attempt.ts';
import { leftOf, type TimedCall, timed, within } from './call-deadline.ts';
import type { CallerOptions } from './caller-options.ts';
import { HeldTurns } from './held-turns.ts';
import { cameraError, isReset, toNothing, troubleOf } from './http/failures.ts';
import { exchange, type HttpPlace, nameOf } from './http/http-exchange.ts';
import type { KeptConnection } from './http/kept-connection.ts';
import { redirectOf } from './http/redirect.ts';
import { kindOf } from './http/request-limiter.ts';
import { lockOf } from './login/lock-out.ts';
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
import { skewOf, skewOfHeader } from './login/skew.ts';
import { UsedChallenges } from './login/used-challenges.ts';
import { MAX_REPLY_BYTES, readReply, responseOf, type SoapReply } from './reply.ts';
import type { SoapCall } from './soap-call.ts';
import { writeRequest } from './soap-request.ts';
import { WebLogin } from './web-login.ts';
import { isAnswer, refusedStranger } from './without-login.ts';
import { type SoapVersion, usernameToken } from './xml/envelope.ts';
import { isAboutTime, isRefusal, isTokenUnknown } from './xml/fault.ts';

/** Another place, token, clock, digest, its other algorithm, a nonce that has grown old. */
const MAX_EXCHANGES = 8;
const NONCE_BYTES = 20;
/** A login that has passed so short a time ago is not asked for again. */
const PROVED_MS = 10_000;
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
  readonly #challenges = new UsedChallenges();
  #headerSkewMs: number | undefined;
  /** The first reading that passed with the login. */
  #proof: SoapCall | undefined;
  /** Strangers are refused it. */
  #isProofClosed = false;
  /** Operations that have passed with the login: where one is refused now, it is no right that is missing. */
  readonly #passedBefore = new Set<string>();
  /** When one has passed last, monotonic. */
  #passedAtMs = Number.NEGATIVE_INFINITY;
  readonly #turns: HeldTurns;
  readonly #options: CallerOptions;
  readonly #camera: string;
  readonly #web: WebLogin;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#web = new WebLogin(options);
    this.#turns = new HeldTurns(options);
    this.#place = options.place;
    this.#camera = nameOf(options.place);
  }

  get place(): HttpPlace {
    return this.#place;
  }

  /** @throws PerchError with `camera` in its context; see failures.ts */
  async call(asked: SoapCall): Promise<XmlElement> {
    const { lanes, deadlineMs, signal } = this.#options;
    const kind = kindOf(asked.deadlineMs ?? deadlineMs, asked.isUrgent);
    const joined = joinSignals(asked.signal ? [asked.signal, signal] : [signal]);
    const converse = async () => {
      const call = timed({ ...asked, signal: joined.signal }, this.#turns, deadlineMs);
      return this.#converse({ ...call, isProved: await this.#proveFirst(call) });
    };
    return await lanes.run(this.#camera, kind, joined.signal, converse).finally(() => joined.release());
  }

  /** Learns how far the camera's clock is from ours: without a login, which would bear a wrong time. */
  readClock(): Promise<void> {
    const { lanes, signal, deadlineMs } = this.#options;
    return lanes.run(this.#camera, 'plain', signal, async () => {
      this.skewMs = (await this.#askClock(timed(this.#clockCall, this.#turns, deadlineMs))) ?? 0;
    });
  }

  #within(asked: TimedCall, question: SoapCall): TimedCall {
    const { deadlineMs } = this.#options;
    return within(asked, timed({ ...question, deadlineMs: undefined }, this.#turns, deadlineMs));
  }

  async #converse(asked: TimedCall): Promise<XmlElement> {
    let call = asked;
    let attempt = this.#firstAttempt(asked);
    for (let i = 0; i < MAX_EXCHANGES; i += 1) {
      const { reply, turn } = await this.#send(call, attempt);
      try {
        const moved = redirectOf(reply, call.place ?? this.#place, call.path);
        if (moved) {
          this.#place = call.place ? this.#place : moved.place;
          call = { ...call, path: moved.path, ...(call.place ? { place: moved.place } : {}) };
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
    throw cameraError('badReply', `the camera gives no answer in ${MAX_EXCHANGES} requests`, { host: this.#camera });
  }

  #firstAttempt(asked: SoapCall): Attempt {
    const key = this.#key;
    if (!key || asked.isAnonymous) {
      return { scheme: 'anonymous', tried: [] };
    }
    const challenge = asked.isOpen
      ? undefined
      : this.#challenges.at(asked.place ?? this.#place, this.#options.clock.monoMs());
    if (challenge) {
      return { scheme: challenge.scheme, challenge, isReused: true, tried: [challenge.algorithm] };
    }
    const { tokens, logins } = this.#options;
    // What it wants is seen at no cost. A login goes at once only where it was taken so before, and never where none is needed.
    const isKnown = logins.schemeOf(key) === 'token' && !logins.refusedSchemes(key).has('onvif token');
    return tokens || asked.isOpen || !isKnown
      ? { scheme: 'none', tried: tokens === 'no' ? ['token'] : [] }
      : { scheme: 'token', tried: [] };
  }

  async #send(asked: TimedCall, attempt: Attempt): Promise<Sent> {
    const { guard, takesClock } = this.#options;
    if (attempt.scheme === 'token' && !takesClock(this.skewMs)) {
      throw clockDoubted(this.skewMs, { host: this.#camera });
    }
    const turn = await this.#turn(asked, attempt);
    if (kindOf(asked.toldMs) === 'waiting') {
      turn?.detach();
    }
    const send = (connection = asked.connection) => this.#sendOn(connection, asked, { ...attempt, turn });
    try {
      return await (guard && !asked.isAnonymous
        ? guard.call(asked.place ?? this.#place, READS.test(asked.body), send)
        : send());
    } catch (error) {
      // One that is late may have been refused; one that nobody was there to see has not.
      if (['unreachable', 'otherCamera'].includes(troubleOf(error) ?? '') && !isReset(error)) {
        turn?.end();
      }
      turn?.lost();
      throw error;
    }
  }

  async #sendOn(connection: KeptConnection | undefined, asked: TimedCall, attempt: Attempt): Promise<Sent> {
    const { clock, signal } = this.#options;
    const key = this.#key;
    const place = asked.place ?? this.#place;
    const deadlineMs = leftOf(asked, this.#turns, place);
    const nowMs = clock.wallMs() + this.skewMs;
    const token = key && attempt.scheme === 'token' ? usernameToken(key, nowMs, randomBytes(NONCE_BYTES)) : '';
    const login = key && attempt.challenge && this.#challenges.answer(place, attempt.challenge, key, asked.path);
    const reply = await exchange({
      ...writeRequest(this.#version, asked, token, login),
      place,
      maxBytes: MAX_REPLY_BYTES,
      deadlineMs,
      toldMs: asked.toldMs,
      signal: asked.signal ?? signal,
      connection,
    });
    this.isTrusted = reply.isTrusted;
    this.#headerSkewMs = skewOfHeader(reply, clock.wallMs());
    return { reply: readReply(reply), turn: attempt.turn };
  }

  /** @returns undefined when no login goes with this request, or none yet */
  async #turn(asked: TimedCall, { scheme, challenge }: Attempt): Promise<LoginTurn | undefined> {
    const key = this.#key;
    if (key && (scheme === 'token' || challenge)) {
      return this.#turns.turn(key, asked.signal);
    }
    if (key && scheme !== 'anonymous') {
      this.#options.logins.check(key, this.#options.isAsked);
    }
    return undefined;
  }

  /** The answer, or how to try again. */
  async #judge(asked: TimedCall, attempt: Attempt, reply: SoapReply): Promise<{ element: XmlElement } | Attempt> {
    const { fault } = reply;
    const key = this.#key;
    const hasLogin = attempt.scheme === 'token' || attempt.challenge !== undefined;
    this.#isKnown ||= reply.envelope !== undefined;
    const lock = attempt.scheme === 'anonymous' ? undefined : lockOf(reply);
    const isRefused = reply.status === 401 || (fault ? isRefusal(fault) : reply.status === 403 && this.#isKnown);
    if (attempt.turn && (lock || isRefused)) {
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
    if (key && hasLogin && (attempt.isWanted || !asked.isOpen)) {
      await this.#passed(asked, key, attempt);
    }
    return { element };
  }

  async #passed(
    asked: TimedCall,
    key: LoginKey,
    { scheme, challenge, isWanted, turn, earlier }: Attempt,
  ): Promise<void> {
    const { logins } = this.#options;
    if (challenge) {
      this.#challenges.took(asked.place ?? this.#place, challenge, this.#options.clock.monoMs());
    }
    const isReading = READS.test(asked.body);
    // Some tell everybody what they are: that says nothing of a login that was refused for the rest.
    if (isReading && !isWanted && !logins.isTaken(key) && (await this.#isOpenToAll(asked, asked))) {
      return;
    }
    if (isReading) {
      // Without the signal of a call that is over.
      this.#proof ??= { ...asked, signal: undefined };
    }
    this.#passedBefore.add(asked.response);
    this.#passedAtMs = this.#options.clock.monoMs();
    earlier?.end();
    turn?.accepted(scheme === 'anonymous' ? undefined : scheme, scheme === 'token' ? this.skewMs : undefined);
  }

  /** When it cannot be found out the doubt stays. */
  async #isOpenToAll(asked: TimedCall, reading: SoapCall): Promise<boolean> {
    try {
      await this.#converse(this.#within(asked, { ...reading, isAnonymous: true }));
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
    this.#challenges.drop(asked.place ?? this.#place);
    const challenges = parseChallenges(reply.headers['www-authenticate'] ?? []);
    const next = nextAttempt(attempt, challenges, this.#options.logins.refusedSchemes(key));
    const isUnasked = next?.scheme === 'token' && this.#options.tokens !== undefined && challenges.length > 0;
    if (next && !isUnasked) {
      return next;
    }
    const basic = challenges.find((one) => one.scheme === 'basic');
    if (basic && !attempt.challenge && reply.status === 401) {
      return this.#basic(basic, attempt, asked);
    }
    const hasClockMoved = await this.#clockHasMoved(asked, attempt, reply);
    const isNewClock = hasClockMoved && this.#options.takesClock(this.skewMs);
    if (attempt.scheme === 'token' && !attempt.tried.includes('clock') && isNewClock) {
      // It may have been the password all the same, unless the camera says that it was the time: that comes out with the next try.
      const earlier = reply.fault && isAboutTime(reply.fault) ? undefined : attempt.turn;
      earlier?.lost();
      return { scheme: 'token', tried: [...attempt.tried, 'clock'], isWanted: true, earlier };
    }
    if (asked.isProved && (await this.#isClosed(asked))) {
      attempt.turn?.end();
      attempt.earlier?.end();
      throw noRights({ host: this.#camera, status: reply.status, subcode: reply.fault?.codes.at(-1) });
    }
    throw await this.#refusal(asked, attempt, reply, key);
  }

  /** Whoever is in between reads it: over http only where the owner has allowed it. */
  #basic(challenge: Challenge, attempt: Attempt, asked: TimedCall): Attempt {
    const { scheme, tried } = attempt;
    const { tokens, isClearAllowed } = this.#options;
    // Where it is not known yet who answers, https hides it from those in between and not from him.
    if (tokens === undefined && ((asked.place ?? this.#place).isSecure || isClearAllowed)) {
      return { scheme: 'basic', challenge, tried, isWanted: true };
    }
    if (scheme === 'token') {
      // Perhaps it was looked at, and was wrong.
      attempt.turn?.refused(kindOfAttempt(attempt));
    }
    throw clearRefused({ host: this.#camera });
  }

  async #refusal(asked: TimedCall, attempt: Attempt, reply: SoapReply, key: LoginKey): Promise<Error> {
    const facts = { host: this.#camera, status: reply.status, subcode: reply.fault?.codes.at(-1) };
    if (!this.#isKnown && !attempt.challenge) {
      return onvifOff(asked.path, facts);
    }
    const { logins, clock } = this.#options;
    attempt.turn?.refused(kindOfAttempt(attempt));
    attempt.earlier?.refused();
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
   * What has never passed may be refused because the right to it is missing, or because the password has been changed. So what has passed
   * is asked for before it: of a password that was changed that is one try, and not two.
   * @returns whether the login is known to pass
   */
  async #proveFirst(asked: TimedCall): Promise<boolean> {
    const { isOpen, isAnonymous, response } = asked;
    if (!this.#proof || isOpen || isAnonymous || this.#passedBefore.has(response)) {
      return false;
    }
    if (this.#options.clock.monoMs() - this.#passedAtMs < PROVED_MS) {
      return true;
    }
    if (!(await this.#isClosed(asked))) {
      return false;
    }
    await this.#converse(this.#within(asked, this.#proof));
    return true;
  }

  /** Whether strangers are refused what has passed, so that it proves anything. */
  async #isClosed(asked: TimedCall): Promise<boolean> {
    const proof = this.#proof;
    if (proof && !this.#isProofClosed) {
      this.#isProofClosed = !(await this.#isOpenToAll(asked, proof));
      // The next reading may be one.
      this.#proof = this.#isProofClosed ? proof : undefined;
    }
    return this.#isProofClosed;
  }

  /** Reads the clock once more. Some tell their local time as UTC: then the HTTP header is believed. */
  async #clockHasMoved(asked: TimedCall, { scheme }: Attempt, reply: SoapReply): Promise<boolean> {
    if (scheme !== 'token') {
      return false;
    }
    const before = this.skewMs;
    const isNew = (skewMs: number | undefined): skewMs is number =>
      skewMs !== undefined && Math.abs(skewMs - before) > CLOCK_MOVED_MS;
    const header = skewOfHeader(reply, this.#options.clock.wallMs());
    const told = await this.#askClock(this.#within(asked, this.#clockCall)).catch(toNothing);
    const better = [told, header].find(isNew);
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
