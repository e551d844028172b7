import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { readEndpoint } from '../../onvif/device/device-service.ts';
import { type CallOptions, type OnvifSession, openSession } from '../../onvif/device/onvif-session.ts';
import { sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { type CameraTrouble, cameraError, isNoReply, isTrouble, troubleOf } from '../../onvif/soap/http/failures.ts';
import { hostPortOf, parseHttpUrl } from '../../onvif/soap/http/origin.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import type { FollowedCamera } from './followed-camera.ts';

export interface Identity {
  /** `urn:uuid:…`, public in its network. */
  readonly endpoint: string | undefined;
  /** Most cameras reveal it only with a login. */
  readonly serial: string | undefined;
}

/** `silent`: no reply in time; `unknown`: the reply does not identify the device. */
export type Verdict = 'same' | 'other' | 'unknown' | 'silent';

export interface IdentityQuery {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logins: LoginMemory;
  readonly callDeadlineMs?: number | undefined;
}

interface Login {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** Facts about a login from the camera's old address. */
interface KnownLogin {
  /** Or basic: it needs no token. */
  readonly takesDigest: boolean;
  /** The camera's clock minus ours, when it last accepted a token. */
  readonly skewMs: number | undefined;
}

export const OTHER_CAMERA =
  'another camera is at its address now: if it was replaced, remove endpoint and serial from the settings of the path';

export const otherCamera = (words: string, host?: string): PerchError =>
  cameraError('otherCamera', words, host === undefined ? {} : { host });

export const isOtherCamera = (error: unknown): boolean => isTrouble(error, 'otherCamera');

/**
 * A token may carry the camera's clock only this far from ours or from the one it last had: otherwise it would be valid at a time that an
 * attacker has chosen.
 */
const MAX_SKEW_MS = 10 * 60_000;

/**
 * Identity of a device without a login; fields that need one are undefined.
 * @throws PerchError if there is no reply, or no ONVIF
 */
export async function readAnonymously(url: string, query: IdentityQuery, wantsSerial: boolean): Promise<Identity> {
  try {
    const session = await openSession({ url, ...query });
    const endpoint = await endpointOf(session);
    return { endpoint, serial: wantsSerial ? await orUndefined(serialOf(session)) : undefined };
  } catch (error) {
    if (isLoginRequired(error)) {
      return { endpoint: undefined, serial: undefined };
    }
    throw error;
  }
}

/** Reads the serial number with the login, at the configured address. @throws PerchError on failure */
export async function readSerial(
  url: string,
  login: Login,
  isClearAllowed: boolean,
  query: IdentityQuery,
): Promise<string | undefined> {
  return serialOf(await openSession({ url, ...login, isClearAllowed, ...query }));
}

/**
 * Opens a session at an address where only what anyone may read was verified. The login is never sent unencrypted. HTTP Digest is used,
 * which is valid for one request and has no time; a token only if there is no challenge and the clock is plausible, and never for a camera
 * that took HTTP Digest before.
 * @throws PerchError on failure
 */
export function openUnverified(camera: FollowedCamera, url: string, query: IdentityQuery): Promise<OnvifSession> {
  const { user, password = '' } = camera;
  const { takesDigest, skewMs: knownMs = 0 } = knownLogin(camera, query.logins);
  const canUseSkew = (skewMs: number) => [0, knownMs].some((known) => Math.abs(skewMs - known) <= MAX_SKEW_MS);
  return openSession({ url, user, password, tokens: takesDigest ? 'no' : 'last', canUseSkew, ...query });
}

/** Rejects a device with another serial number. @throws PerchError otherCamera */
export async function requireSameCamera(session: OnvifSession, serial: string | undefined): Promise<void> {
  const read = serial === undefined ? undefined : await orUndefined(serialOf(session));
  if (serial !== undefined && read !== undefined && !sameText(serial, read)) {
    throw otherCamera(OTHER_CAMERA, session.host);
  }
}

/**
 * Whether the expected camera answered.
 * @param isElsewhere the expected endpoint is known at another address, or the one read belongs to another path
 */
export function compareIdentity(expected: Identity, read: Identity, isElsewhere: boolean): Verdict {
  if (expected.serial !== undefined && read.serial !== undefined) {
    return sameText(expected.serial, read.serial) ? 'same' : 'other';
  }
  if (expected.endpoint === undefined || read.endpoint === undefined) {
    return 'unknown';
  }
  if (sameEndpoint(expected.endpoint, read.endpoint)) {
    return 'same';
  }
  // Some cameras change their endpoint at every reboot.
  return expected.serial !== undefined || isElsewhere ? 'other' : 'unknown';
}

const sameText = (a: string, b: string): boolean => a.trim().toLowerCase() === b.trim().toLowerCase();

/** @param isKnown the device has an endpoint: all failures are thrown @returns `urn:uuid:…`; undefined: it reveals none */
export async function endpointOf(session: OnvifSession, options?: CallOptions, isKnown = false) {
  const asked = session.call('device', '<tds:GetEndpointReference/>', 'GetEndpointReferenceResponse', options);
  const read = readEndpoint(await (isKnown ? asked : orUndefined(asked)));
  if (isKnown && read === undefined) {
    throw cameraError('badReply', 'it states no endpoint');
  }
  return read;
}

const serialOf = async (session: OnvifSession): Promise<string | undefined> =>
  (await session.information()).serial || undefined;

/** The value that was requested, or undefined if the camera does not reveal it, or only with a login. */
function orUndefined<T>(asked: Promise<T>): Promise<T | undefined> {
  return asked.catch((error: unknown) => {
    if (!isLoginRequired(error) && !isTrouble(error, 'notSupported', 'badReply')) {
      throw error;
    }
    return undefined;
  });
}

export const isLoginRequired = (error: unknown): boolean =>
  isTrouble(error, 'wrongPassword', 'noRights', 'onvifOff', 'lockedOut');

export interface IdentityMismatch {
  readonly reason: string;
  /** What the user can act on. */
  readonly trouble?: CameraTrouble | undefined;
}

const because = (reason: string): IdentityMismatch => ({ reason });

/**
 * Verifies by endpoint and serial number that the device at an address is this camera, before anything is changed. First without a login:
 * a wrong serial number ends it.
 * @returns why it is not the camera; undefined if it is
 * @throws PerchError if it does not answer yet
 */
export async function verifyIdentity(
  camera: FollowedCamera,
  url: string,
  query: IdentityQuery,
): Promise<IdentityMismatch | undefined> {
  const { endpoint, serial, user } = camera;
  if (endpoint === undefined || serial === undefined) {
    return because('its serial number is not in the configuration, and its endpoint alone does not identify it');
  }
  const open = await readAnonymously(url, query, true);
  if (open.endpoint !== undefined && !sameEndpoint(endpoint, open.endpoint)) {
    return because('its endpoint differs from the announced one');
  }
  if (open.serial !== undefined) {
    return sameText(serial, open.serial) ? undefined : because('it has another serial number');
  }
  if (user === undefined) {
    return because('it reveals its serial number only with a login');
  }
  try {
    const read = await serialOf(await openUnverified(camera, url, query));
    return read !== undefined && sameText(serial, read) ? undefined : because('it has another serial number');
  } catch (error) {
    if (isNoReply(error) || !(error instanceof PerchError)) {
      throw error;
    }
    const trouble = troubleOf(error);
    const reason = explain(error);
    return { reason: trouble === 'clock' ? reason : `its serial number could not be read: ${reason}`, trouble };
  }
}

function knownLogin({ onvif, user = '', password = '' }: FollowedCamera, logins: LoginMemory): KnownLogin {
  const origin = parseHttpUrl(onvif)?.origin;
  const key = origin && { camera: hostPortOf(origin), user, password };
  const scheme = key && logins.schemeOf(key);
  // A camera that used HTTP Digest at its old address does not want anything else now.
  return { takesDigest: scheme === 'digest' || scheme === 'basic', skewMs: key && logins.skewOf(key) };
}
