import type { Clock } from '../../base/clock.ts';
import { type HttpRequest, noAnswer } from './http/http-exchange.ts';
import type { HttpOrigin } from './http/origin.ts';
import type { PersistentConnection } from './http/persistent-connection.ts';
import { actionOf, type SoapVersion, writeEnvelope } from './xml/envelope.ts';

/** One operation. */
export interface SoapCall {
  /** Default: the camera's own. */
  readonly origin?: HttpOrigin;
  readonly path: string;
  /** XML with the prefixes of envelope.ts. */
  readonly headers?: string;
  readonly body: string;
  /** Local name of the reply element. */
  readonly response: string;
  /** If it differs from the operation's name. */
  readonly action?: string | undefined;
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly connection?: PersistentConnection | undefined;
  /** Goes ahead of the calls that wait for this camera. */
  readonly isUrgent?: boolean | undefined;
  /** Send no login, even if there is one. */
  readonly isAnonymous?: boolean;
  /** Cameras answer it without a login (ONVIF Core §5.12.1, PRE_AUTH): a reply proves no login. */
  readonly isPreAuth?: boolean;
}

/** A call with its end by the monotonic clock: one for the call and all further requests that explain its rejection. */
export interface TimedCall extends SoapCall {
  readonly untilMs: number;
  /** The deadline that errors state. */
  readonly reportedMs: number;
  /** The login passed just before: a rejection then means a missing right. */
  readonly isLoginVerified?: boolean;
}

export function withDeadline(call: SoapCall, clock: Pick<Clock, 'monoMs'>, deadlineMs: number): TimedCall {
  const reportedMs = call.deadlineMs ?? deadlineMs;
  return { ...call, reportedMs, untilMs: clock.monoMs() + reportedMs };
}

/** A further request within a call ends with the call, and never uses the longer deadline of a call that waits for events. */
export const withinDeadline = ({ untilMs, reportedMs }: TimedCall, further: TimedCall): TimedCall => ({
  ...further,
  untilMs: Math.min(untilMs, further.untilMs),
  reportedMs: Math.max(reportedMs, further.reportedMs),
});

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
