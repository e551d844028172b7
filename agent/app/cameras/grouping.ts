import type { Clock } from '../../base/clock.ts';
import { withoutZone, zonedUrl, zoneOf } from '../../base/url-zone.ts';
import { openGuarded } from '../../cameras/following/endpoint-guard.ts';
import { refuseOther } from '../../cameras/following/identity.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { CameraSettings, PathSettings } from '../../config/schema/path.ts';
import type { OnvifSession } from '../../onvif/device/session.ts';

/** How the camera of a path is reached. */
export interface CameraLink {
  /** The same for all paths that name the same camera in the same way; to be shown to nobody: the password is in it. */
  readonly key: string;
  readonly url: string;
  readonly profile: string | undefined;
  readonly settings: CameraSettings;
}

/** Undefined when the path names no ONVIF service, or its camera is paused. */
export const linkOf = (settings: PathSettings): CameraLink | undefined =>
  settings.camera?.paused ? undefined : anyLinkOf(settings);

/** The link of a paused camera, too. */
export function anyLinkOf({ camera }: PathSettings): CameraLink | undefined {
  const url = camera?.onvif;
  if (!camera || url === undefined || !URL.canParse(withoutZone(url))) {
    return undefined;
  }
  const { user, password, clearPassword, profile } = camera;
  const place = zonedUrl(new URL(withoutZone(url)), zoneOf(url));
  const key = JSON.stringify([place, user, password, clearPassword]);
  return { key, url, profile, settings: camera };
}

export function linkOfPath(config: Config, path: string): CameraLink | undefined {
  const settings = resolvePath(config, path)?.settings;
  return settings && linkOf(settings);
}

/**
 * Begins to speak to it, as its settings say; not to another camera that is at its address now.
 * @param isAsked a person has just given the login
 */
export async function openLink(
  { url, settings }: CameraLink,
  clock: Clock,
  signal: AbortSignal,
  isAsked = false,
): Promise<OnvifSession> {
  const { user, password, clearPassword, serial, endpoint } = settings;
  const target = { url, user, password, isClearAllowed: clearPassword, isAsked, signal, clock };
  const { session } = await openGuarded(target, endpoint);
  await refuseOther(session, serial);
  return session;
}
