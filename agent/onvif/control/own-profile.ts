import { listProfiles } from '../device/media.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { cameraError } from '../soap/http/failures.ts';

/** The profile that a path plays. @param token from the configuration; default: the camera's first */
export async function ownProfile(session: OnvifSession, token: string | undefined): Promise<CameraProfile> {
  const profiles = await listProfiles(session);
  const profile = token === undefined ? profiles[0] : profiles.find((one) => one.token === token);
  if (!profile) {
    throw cameraError('notSupported', 'the camera no longer has this profile', { host: session.host });
  }
  return profile;
}

/** The PTZ profile for the video source of a path's profile. Not every profile of a source has PTZ; another source is another camera. */
export async function ptzProfile(session: OnvifSession, token: string | undefined): Promise<CameraProfile> {
  const profiles = session.has('ptz') ? await listProfiles(session) : [];
  const own = profiles.find((one) => one.token === token);
  const turning = profiles.filter(({ ptz }) => ptz !== undefined);
  const profile =
    turning.find((one) => one.token === token) ??
    turning.find((one) => !own || (one.videoSource === own.videoSource && own.videoSource !== undefined));
  if (!profile) {
    throw cameraError('notSupported', 'this camera has no pan, tilt or zoom', { host: session.host });
  }
  return profile;
}
