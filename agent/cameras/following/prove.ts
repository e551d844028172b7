import { explain, PerchError } from '../../base/errors.ts';
import { sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { type CameraTrouble, troubleOf } from '../../onvif/soap/http/failures.ts';
import { nameOf, parseHttpUrl } from '../../onvif/soap/http/http-exchange.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import type { FollowedCamera } from './followed-camera.ts';
import { type Asking, type KnownLogin, proveSerial, readOpenly, sameText } from './identity.ts';

/** Why a device is not believed to be a camera. */
export interface Doubt {
  readonly reason: string;
  /** What a person can do something about. */
  readonly trouble?: CameraTrouble | undefined;
}

const because = (reason: string): Doubt => ({ reason });

/**
 * Makes sure that the device at an address is this camera, by its endpoint and its serial number, before anything is changed. What it
 * tells to anybody comes first: a wrong serial number is no match, and gets no login.
 * @returns why it is not believed; undefined: it is the camera
 * @throws PerchError when it does not answer (yet)
 */
export async function prove(
  camera: FollowedCamera,
  url: string,
  asking: Asking,
  logins: LoginMemory,
): Promise<Doubt | undefined> {
  const { endpoint, serial, user, password = '' } = camera;
  if (endpoint === undefined || serial === undefined) {
    return because('its serial number is not in the configuration, and its endpoint alone is no proof');
  }
  const open = await readOpenly(url, asking, true);
  if (open.endpoint !== undefined && !sameEndpoint(endpoint, open.endpoint)) {
    return because('it has another endpoint there than it has announced');
  }
  if (open.serial !== undefined) {
    return sameText(serial, open.serial) ? undefined : because('it has another serial number');
  }
  if (user === undefined) {
    return because('it tells its serial number only to who is logged in');
  }
  try {
    const told = await proveSerial(url, { user, password }, knownLogin(camera, logins), asking);
    return told !== undefined && sameText(serial, told) ? undefined : because('it has another serial number');
  } catch (error) {
    const trouble = troubleOf(error);
    if (trouble === 'unreachable' || trouble === 'timeout' || !(error instanceof PerchError)) {
      throw error;
    }
    const reason = explain(error);
    return { reason: trouble === 'clock' ? reason : `its serial number could not be asked for: ${reason}`, trouble };
  }
}

function knownLogin({ onvif, user = '', password = '' }: FollowedCamera, logins: LoginMemory): KnownLogin {
  const place = parseHttpUrl(onvif)?.place;
  const key = place && { camera: nameOf(place), user, password };
  const scheme = key && logins.schemeOf(key);
  // Where it was logged in to by HTTP Digest at its old address, who wants anything else is not that camera.
  return { takesDigest: scheme === 'digest' || scheme === 'basic', skewMs: key && logins.skewOf(key) };
}
