import { explain, PerchError } from '../../base/errors.ts';
import { sameEndpoint } from '../discovery/found-camera.ts';
import { troubleOf } from '../soap/failures.ts';
import { nameOf, parseHttpUrl } from '../soap/http-exchange.ts';
import type { LoginMemory } from '../soap/login-memory.ts';
import type { FollowedCamera } from './followed-camera.ts';
import { type Asking, proveSerial, readOpenly, sameText } from './identity.ts';

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
): Promise<string | undefined> {
  const { endpoint, serial, user, password = '' } = camera;
  if (endpoint === undefined || serial === undefined) {
    return 'its serial number is not in the configuration, and its endpoint alone is no proof';
  }
  const open = await readOpenly(url, asking, true);
  if (open.endpoint !== undefined && !sameEndpoint(endpoint, open.endpoint)) {
    return 'it has another endpoint there than it has announced';
  }
  if (open.serial !== undefined) {
    return sameText(serial, open.serial) ? undefined : 'it has another serial number';
  }
  if (user === undefined) {
    return 'it tells its serial number only to who is logged in';
  }
  try {
    const told = await proveSerial(url, { user, password }, takesDigest(camera, logins), asking);
    return told !== undefined && sameText(serial, told) ? undefined : 'it has another serial number';
  } catch (error) {
    const trouble = troubleOf(error);
    if (trouble === 'unreachable' || trouble === 'timeout' || !(error instanceof PerchError)) {
      throw error;
    }
    return `its serial number could not be asked for: ${explain(error)}`;
  }
}

/** It has been logged in to by HTTP Digest at its old address: who wants anything else is not that camera. */
function takesDigest({ onvif, user = '', password = '' }: FollowedCamera, logins: LoginMemory): boolean {
  const place = parseHttpUrl(onvif)?.place;
  const scheme = place && logins.schemeOf({ camera: nameOf(place), user, password });
  return scheme === 'digest' || scheme === 'basic';
}
