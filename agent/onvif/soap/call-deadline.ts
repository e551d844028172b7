import type { Clock } from '../../base/clock.ts';
import { type HttpPlace, noAnswer } from './http/http-exchange.ts';
import type { SoapCall } from './soap-call.ts';

/** A call with its end, by the monotonic clock: one for the call and all that is asked to find out why it was refused. */
export interface TimedCall extends SoapCall {
  readonly untilMs: number;
  /** What people hear of it. */
  readonly toldMs: number;
  /** The login has passed just before: where this is refused, it is the right to it that is missing. */
  readonly isProved?: boolean;
}

export function timed(call: SoapCall, clock: Pick<Clock, 'monoMs'>, deadlineMs: number): TimedCall {
  const toldMs = call.deadlineMs ?? deadlineMs;
  return { ...call, toldMs, untilMs: clock.monoMs() + toldMs };
}

/** A question of our own within a call ends with it. What waits for something to happen does not lend it its patience. */
export const within = ({ untilMs, toldMs }: TimedCall, question: TimedCall): TimedCall => ({
  ...question,
  untilMs: Math.min(untilMs, question.untilMs),
  toldMs: Math.max(toldMs, question.toldMs),
});

/** Milliseconds, whole. @throws PerchError timeout when there are none */
export function leftOf({ untilMs, toldMs }: TimedCall, clock: Pick<Clock, 'monoMs'>, place: HttpPlace): number {
  const leftMs = Math.ceil(untilMs - clock.monoMs());
  if (leftMs <= 0) {
    throw noAnswer(place, toldMs);
  }
  return leftMs;
}
