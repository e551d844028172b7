import type { Clock } from '../../base/clock.ts';
import type { PerchError } from '../../base/errors.ts';
import { readEndpoint } from '../../onvif/device/network.ts';
import { type OnvifSession, openSession } from '../../onvif/device/session.ts';
import { sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { cameraError, troubleOf } from '../../onvif/soap/http/failures.ts';
import type { KeptConnection } from '../../onvif/soap/http/kept-connection.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';

/** By what a camera is told from others. */
export interface Identity {
  /** `urn:uuid:…`. Anybody in its network hears it. */
  readonly endpoint: string | undefined;
  /** Most tell it only to who is logged in. */
  readonly serial: string | undefined;
}

/** `silent`: nobody answered, or not in time; `unknown`: who answers does not say enough. */
export type Verdict = 'same' | 'other' | 'unknown' | 'silent';

/** How an identity is asked for. */
export interface Asking {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logins?: LoginMemory | undefined;
  readonly callDeadlineMs?: number | undefined;
}

export interface Login {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** What is known of a login from the camera's old address. */
export interface KnownLogin {
  /** Or in the clear: it wants no token. */
  readonly takesDigest: boolean;
  /** The camera's clock minus ours, when it last took a token. */
  readonly skewMs: number | undefined;
}

export const OTHER_CAMERA =
  'another camera is at its address now: if it was replaced, take endpoint and serial out of the settings of the path';

export const otherCamera = (words: string, host?: string): PerchError =>
  cameraError('otherCamera', words, host === undefined ? {} : { host });

/** Whether a call has failed because somebody else was there. */
export const isOtherCamera = (error: unknown): boolean => troubleOf(error) === 'otherCamera';

/**
 * A token is not made by a clock that is further from the right time, and from that of the camera when it last took a token: it would
 * be good at a time that somebody else has chosen.
 */
const MAX_SKEW_MS = 10 * 60_000;

/**
 * What a device says of itself to anybody. A device that says nothing without a login leaves both out.
 * @throws PerchError when nobody is there, or nobody who speaks ONVIF
 */
export async function readOpenly(url: string, asking: Asking, wantsSerial: boolean): Promise<Identity> {
  try {
    const session = await openSession({ url, ...asking });
    const endpoint = await endpointOf(session);
    return { endpoint, serial: wantsSerial ? await orNothing(serialOf(session)) : undefined };
  } catch (error) {
    if (isClosed(error)) {
      return { endpoint: undefined, serial: undefined };
    }
    throw error;
  }
}

/** The serial number, asked for with the login, at the address that the configuration names. @throws PerchError when it cannot be had */
export async function readSerial(
  url: string,
  login: Login,
  isClearAllowed: boolean,
  asking: Asking,
): Promise<string | undefined> {
  return serialOf(await openSession({ url, ...login, isClearAllowed, ...asking }));
}

/**
 * The same where it is not known yet who answers: never in the clear, whatever is allowed elsewhere; HTTP Digest, which is good for
 * one request and has no time; a token only when nothing else is asked for and by a clock as it was, and not at all with `takesDigest`.
 * @throws PerchError when it cannot be had
 */
export async function proveSerial(
  url: string,
  login: Login,
  { takesDigest, skewMs: knownMs = 0 }: KnownLogin,
  asking: Asking,
): Promise<string | undefined> {
  const takesClock = (skewMs: number) => [0, knownMs].some((known) => Math.abs(skewMs - known) <= MAX_SKEW_MS);
  return serialOf(await openSession({ url, ...login, tokens: takesDigest ? 'no' : 'last', takesClock, ...asking }));
}

/** What a camera sees and does is another one's when it has another serial number. @throws PerchError otherCamera */
export async function refuseOther(session: OnvifSession, serial: string | undefined): Promise<void> {
  const told = serial === undefined ? undefined : await orNothing(serialOf(session));
  if (serial !== undefined && told !== undefined && !sameText(serial, told)) {
    throw otherCamera(OTHER_CAMERA, session.host);
  }
}

/**
 * Whether the camera that was expected is the one that answered.
 * @param isElsewhere the expected endpoint is known to be at another address, or the one that answered belongs to another path
 */
export function judge(expected: Identity, read: Identity, isElsewhere: boolean): Verdict {
  if (expected.serial !== undefined && read.serial !== undefined) {
    return sameText(expected.serial, read.serial) ? 'same' : 'other';
  }
  if (expected.endpoint === undefined || read.endpoint === undefined) {
    return 'unknown';
  }
  if (sameEndpoint(expected.endpoint, read.endpoint)) {
    return 'same';
  }
  // Some cameras have another endpoint after every reboot.
  return expected.serial !== undefined || isElsewhere ? 'other' : 'unknown';
}

/** What is shorter is `0`, `none` or `12345` in a whole series. */
const MIN_SERIAL = 6;
export const isTellingSerial = (serial = ''): boolean => serial.trim().length >= MIN_SERIAL;

export const sameText = (a: string, b: string): boolean => a.trim().toLowerCase() === b.trim().toLowerCase();

export const endpointOf = async (session: OnvifSession, connection?: KeptConnection): Promise<string | undefined> =>
  readEndpoint(
    await orNothing(
      session.call('device', '<tds:GetEndpointReference/>', 'GetEndpointReferenceResponse', { connection }),
    ),
  );

const serialOf = async (session: OnvifSession): Promise<string | undefined> =>
  (await session.information()).serial || undefined;

/** What a camera does not tell, or not without a login. */
async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isClosed(error) || ['notSupported', 'badReply'].includes(troubleOf(error) ?? '')) {
      return undefined;
    }
    throw error;
  }
}

export const isClosed = (error: unknown): boolean =>
  ['wrongPassword', 'noRights', 'onvifOff', 'lockedOut'].includes(troubleOf(error) ?? '');

/** Nobody answered, or not in time. */
export const isSilence = (error: unknown): boolean => ['timeout', 'unreachable'].includes(troubleOf(error) ?? '');
