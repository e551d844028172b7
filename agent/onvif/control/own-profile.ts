import { listProfiles } from '../device/media.ts';
import type { CameraProfile } from '../device/profiles.ts';
import type { OnvifSession } from '../device/session.ts';
import { cameraError } from '../soap/http/failures.ts';

/** The profile that a path plays. @param token of the configuration; the camera's first when not given */
export async function ownProfile(session: OnvifSession, token: string | undefined): Promise<CameraProfile> {
  const profiles = await listProfiles(session);
  const profile = token === undefined ? profiles[0] : profiles.find((one) => one.token === token);
  if (!profile) {
    throw cameraError('notSupported', 'the camera has no such profile any more', { host: session.host });
  }
  return profile;
}

/** The profile that turns what the path shows: not each that shows the same lens can, and another lens is another camera. */
export async function ptzProfile(session: OnvifSession, token: string | undefined): Promise<CameraProfile> {
  const profiles = session.has('ptz') ? await listProfiles(session) : [];
  const own = profiles.find((one) => one.token === token);
  const turning = profiles.filter(({ ptz }) => ptz !== undefined);
  const profile =
    turning.find((one) => one.token === token) ??
    turning.find((one) => !own || (one.videoSource === own.videoSource && own.videoSource !== undefined));
  if (!profile) {
    throw cameraError('notSupported', 'this camera cannot be turned', { host: session.host });
  }
  return profile;
}
