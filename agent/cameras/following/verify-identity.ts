import { explain, PerchError } from '../../base/errors.ts';
import { sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { type CameraTrouble, troubleOf } from '../../onvif/soap/http/failures.ts';
import { hostPortOf, parseHttpUrl } from '../../onvif/soap/http/origin.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import type { FollowedCamera } from './followed-camera.ts';
import { type IdentityQuery, type KnownLogin, readAnonymously, readSerialUnverified, sameText } from './identity.ts';

/** Why a device is not accepted as the camera. */
export interface Doubt {
  readonly reason: string;
  /** What the user can act on. */
  readonly trouble?: CameraTrouble | undefined;
}

const because = (reason: string): Doubt => ({ reason });

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
  logins: LoginMemory,
): Promise<Doubt | undefined> {
  const { endpoint, serial, user, password = '' } = camera;
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
    const read = await readSerialUnverified(url, { user, password }, knownLogin(camera, logins), query);
    return read !== undefined && sameText(serial, read) ? undefined : because('it has another serial number');
  } catch (error) {
    const trouble = troubleOf(error);
    if (trouble === 'unreachable' || trouble === 'timeout' || !(error instanceof PerchError)) {
      throw error;
    }
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
