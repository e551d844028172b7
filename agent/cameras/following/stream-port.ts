import { getStreamUri, ownProfile } from '../../onvif/device/media.ts';
import { candidatePorts, repairStreamUri } from '../../onvif/device/media-uri.ts';
import { ignoreExpected, isNoReply } from '../../onvif/soap/http/failures.ts';
import { httpOriginOf } from '../../onvif/soap/http/origin.ts';
import { openGuarded } from './endpoint-guard.ts';
import type { FollowedCamera } from './followed-camera.ts';
import type { IdentityQuery } from './identity.ts';

/**
 * The port of the camera's streams, read from its service at a verified address. The password is not sent unencrypted.
 * @returns undefined if the camera does not tell it
 * @throws PerchError if it does not answer
 */
export async function readStreamPort(
  { user, password, endpoint, profile }: FollowedCamera,
  url: string,
  query: IdentityQuery,
): Promise<number | undefined> {
  try {
    const { session } = await openGuarded({ url, user, password, ...query }, endpoint);
    const uri = await getStreamUri(session, await ownProfile(session, profile));
    const webPort = httpOriginOf(session.url).port;
    return candidatePorts(repairStreamUri(uri, session.host), { rtsp: [], http: [] }, webPort)[0];
  } catch (error) {
    if (isNoReply(error)) {
      throw error;
    }
    return ignoreExpected(error);
  }
}
