import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import { cameraError, isTrouble } from './http/failures.ts';
import type { HttpReply } from './http/http-exchange.ts';
import { loginMissing, noRights, onvifOff } from './login/login-failures.ts';
import { MAX_SKEW_MS } from './login/login-verdict.ts';
import { complaintOf, faultOf, isForbidden, isUnsupported, type SoapFault } from './xml/fault.ts';
import { find, findNumber, findText, localName, readCameraXml } from './xml/xml.ts';

/** The largest real replies (profiles of a recorder with 32 channels) have some 300 kB. */
export const MAX_REPLY_BYTES = 1 << 20;
/** The camera truncates its time to whole seconds: on average half a second is missing. */
const HALF_A_SECOND_MS = 500;

export interface SoapReply extends HttpReply {
  readonly envelope: XmlElement | undefined;
  readonly fault: SoapFault | undefined;
  readonly problem: unknown;
}

export function readReply(reply: HttpReply): SoapReply {
  try {
    const root = readCameraXml(reply.body, MAX_REPLY_BYTES, reply.headers['content-type']?.[0]);
    if (localName(root) !== 'Envelope') {
      throw cameraError('notOnvif', `'${localName(root).slice(0, 40)}' is not a SOAP envelope`);
    }
    return { ...reply, envelope: root, fault: faultOf(root), problem: undefined };
  } catch (problem) {
    return { ...reply, envelope: undefined, fault: undefined, problem };
  }
}

export interface Expected {
  readonly camera: string;
  readonly path: string;
  readonly response: string;
  readonly headers?: string | undefined;
}

/** The reply element. A fault counts with any status, even 200; a reply that is not SOAP counts by its status. */
export function responseOf(reply: SoapReply, expected: Expected, isKnownOnvif: boolean): XmlElement {
  const context = { host: expected.camera, status: reply.status };
  if (reply.fault) {
    throw faultError(reply.fault, context);
  }
  if (!reply.envelope || reply.status >= 300) {
    throw strangeError(reply, expected, isKnownOnvif);
  }
  const relatesTo = findText(reply.envelope, 'Header', 'RelatesTo');
  const [, messageId] = /<wsa:MessageID[^>]*>([^<]+)</.exec(expected.headers ?? '') ?? [];
  if (messageId !== undefined && relatesTo !== undefined && relatesTo !== messageId) {
    throw cameraError('badReply', "the camera's reply belongs to another request", context);
  }
  const element = find(reply.envelope, 'Body', expected.response);
  if (!element) {
    throw cameraError('badReply', `the camera's reply has no ${expected.response}`, context);
  }
  return element;
}

function faultError(fault: SoapFault, context: Record<string, unknown>): Error {
  const subcode = fault.codes.at(-1);
  const facts = { ...context, subcode, complaint: complaintOf(fault) };
  if (isForbidden(fault)) {
    return noRights(facts);
  }
  const reason = fault.reason ?? subcode ?? 'no reason';
  const words = `the camera replies with a fault: ${reason}`;
  return isUnsupported(fault) ? cameraError('notSupported', words, facts) : cameraError('badReply', words, facts);
}

function strangeError(reply: SoapReply, { camera, path }: Expected, isKnownOnvif: boolean): Error {
  const { status } = reply;
  const context = { host: camera, status };
  if (status < 300) {
    const words = isKnownOnvif ? 'the reply of the camera is not ONVIF' : 'the device there does not speak ONVIF';
    return cameraError(isKnownOnvif ? 'badReply' : 'notOnvif', words, context, reply.problem);
  }
  if (!isKnownOnvif && status < 500) {
    return onvifOff(path, context);
  }
  if (status === 404 || status === 405) {
    return cameraError('notSupported', `no ONVIF service at ${path} (HTTP ${status})`, context);
  }
  return cameraError('badReply', `the camera replies HTTP ${status}`, context);
}

/** Why a call without a login was rejected. @param isKnown the camera has spoken SOAP */
export function anonymousRefusal(
  { headers, status }: SoapReply,
  camera: string,
  path: string,
  isKnown: boolean,
): Error {
  const facts = { host: camera, status };
  const hasChallenge = (headers['www-authenticate'] ?? []).length > 0;
  return isKnown || hasChallenge ? loginMissing(facts) : onvifOff(path, facts);
}

/** The camera speaks ONVIF, but does not support this call or wants a login first. */
export function isOnvifAnswer(error: unknown, isKnown: boolean, hasLogin: boolean): boolean {
  const status = error instanceof PerchError ? error.context['status'] : undefined;
  const isSoap = isTrouble(error, 'wrongPassword', 'noRights', 'badReply', 'notSupported');
  return status !== undefined && (isSoap ? isKnown || status === 401 : status === 401 && hasLogin);
}

/**
 * Whether a rejection says that the account or our address is locked, and for how long if it says so.
 * Hikvision: `<lockStatus>lock</lockStatus><unlockTime>1795</unlockTime>` (seconds) with HTTP 401; others a sentence, HTTP 423 or 429.
 */
export function lockOf(reply: HttpReply): { readonly forMs: number | undefined } | undefined {
  const { status, headers } = reply;
  const text = reply.body.toString('latin1', 0, 16_384);
  const isRefused = status === 401 || status === 403 || /NotAuthorized|FailedAuthentication/.test(text);
  const isLocked =
    status === 423 ||
    status === 429 ||
    (isRefused && (/<lockStatus>\s*lock(?:ed)?\s*</i.test(text) || /\blocked\b/i.test(text)));
  if (!isLocked) {
    return undefined;
  }
  const seconds = Number(/<unlockTime>\s*(\d{1,6})\s*</i.exec(text)?.[1] ?? headers['retry-after']?.[0] ?? Number.NaN);
  // At most a day, whatever the camera reports; the longest lock of known cameras is half an hour.
  return { forMs: seconds > 0 ? Math.min(seconds * 1000, 24 * 3_600_000) : undefined };
}

/**
 * The camera's clock minus ours in milliseconds, from GetSystemDateAndTime; undefined without UTCDateTime, which some boards leave out.
 * @param unixMs our time in the middle of the call
 */
export function skewOf(response: XmlElement, unixMs: number): number | undefined {
  const utc = find(response, 'SystemDateAndTime', 'UTCDateTime');
  const cameraMs = Date.UTC(
    findNumber(utc, 'Date', 'Year') ?? Number.NaN,
    (findNumber(utc, 'Date', 'Month') ?? Number.NaN) - 1,
    findNumber(utc, 'Date', 'Day'),
    findNumber(utc, 'Time', 'Hour'),
    findNumber(utc, 'Time', 'Minute'),
    findNumber(utc, 'Time', 'Second'),
  );
  return skewBetween(cameraMs, unixMs);
}

/** The same from the HTTP header `Date`, which a rejection has as well. */
export function skewOfHeader({ headers }: Pick<HttpReply, 'headers'>, unixMs: number): number | undefined {
  return skewBetween(Date.parse(headers['date']?.[0] ?? ''), unixMs);
}

function skewBetween(cameraMs: number, unixMs: number): number | undefined {
  const skewMs = Math.round(cameraMs + HALF_A_SECOND_MS - unixMs);
  return Math.abs(skewMs) <= MAX_SKEW_MS ? skewMs : undefined;
}
