import type { Clock } from '../../base/clock.ts';
import { ignoreExpected } from '../../base/errors.ts';
import { isNoReply } from './http/failures.ts';
import type { SoapCall, TimedCall } from './soap-call.ts';

/** A login that passed within this time is not verified again. */
const VERIFIED_MS = 10_000;

/** The operation changes nothing, so it may be repeated; of a search it would be the next results, or those of one that has ended. */
export const isReading = ({ body }: SoapCall): boolean => /^\s*<\w+:Get(?!\w*SearchResults\b)/.test(body);

/**
 * Distinguishes a missing right from a changed password. Both reject an operation that has never passed, so one that has passed is called
 * first: a changed password then costs one try instead of two.
 */
export class LoginProof {
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #ask: (call: TimedCall, reading: SoapCall) => Promise<unknown>;
  #reading: SoapCall | undefined;
  /** The camera rejects that reading without a login. */
  #isClosed = false;
  /** Operations that have passed with the login: their rejection means a wrong password. */
  readonly #passed = new Set<string>();
  /** Monotonic time when an operation last passed. */
  #passedAtMs = Number.NEGATIVE_INFINITY;

  /** @param ask makes a further request within a call */
  constructor(clock: Pick<Clock, 'monoMs'>, ask: (call: TimedCall, reading: SoapCall) => Promise<unknown>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  passed(call: TimedCall): void {
    if (isReading(call)) {
      // Without the signal of a call that is over.
      this.#reading ??= { ...call, signal: undefined };
    }
    this.#passed.add(call.response);
    this.#passedAtMs = this.#clock.monoMs();
  }

  /** The next new operation verifies the login again. */
  expire(): void {
    this.#passedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** @returns whether the login is known to pass */
  async verify(call: TimedCall): Promise<boolean> {
    const { isPreAuth, isAnonymous, response } = call;
    if (!this.#reading || isPreAuth || isAnonymous || this.#passed.has(response)) {
      return false;
    }
    if (this.#clock.monoMs() - this.#passedAtMs < VERIFIED_MS) {
      return true;
    }
    if (!(await this.isClosed(call))) {
      return false;
    }
    await this.#ask(call, this.#reading);
    return true;
  }

  /** Whether the camera rejects the reading without a login, so that it proves one. */
  async isClosed(call: TimedCall): Promise<boolean> {
    const reading = this.#reading;
    if (reading && !this.#isClosed) {
      this.#isClosed = !(await this.isOpenToAll(call, reading));
      // The next reading may be closed.
      this.#reading = this.#isClosed ? reading : undefined;
    }
    return this.#isClosed;
  }

  /** True as well if the camera cannot be asked: the doubt remains. */
  async isOpenToAll(call: TimedCall, reading: SoapCall): Promise<boolean> {
    try {
      await this.#ask(call, { ...reading, isAnonymous: true });
      return true;
    } catch (error) {
      ignoreExpected(error);
      return isNoReply(error);
    }
  }
}
