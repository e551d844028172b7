import type { Clock } from '../../base/clock.ts';
import { withoutZone, zonedUrl, zoneOf } from '../../base/network/ip-address.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { type CameraBlock, isOff, type PathSettings } from '../../config/schema/path.ts';
import type { OnvifSession } from '../../onvif/device/onvif-session.ts';
import { type PinnedCamera, sharedPins } from '../../onvif/soap/http/certificate-pins.ts';
import { parseHttpUrl } from '../../onvif/soap/http/origin.ts';
import { openGuarded } from '../following/endpoint-guard.ts';
import { requireSameCamera } from '../following/identity.ts';

/** How to reach the camera of a path. */
export interface OnvifLink {
  /** Equal for paths with the same ONVIF address and login. Secret: contains the password. */
  readonly key: string;
  readonly url: string;
  readonly profile: string | undefined;
  readonly settings: CameraBlock;
}

/** The link of a path's camera; undefined without an ONVIF service, or while the camera is paused or private. */
export const linkOf = (settings: PathSettings): OnvifLink | undefined =>
  isOff(settings) ? undefined : linkEvenIfPaused(settings);

export function linkEvenIfPaused({ camera }: PathSettings): OnvifLink | undefined {
  const url = camera?.onvif;
  if (!camera || url === undefined || !URL.canParse(withoutZone(url))) {
    return undefined;
  }
  const { user, password, clearPassword, profile } = camera;
  const origin = zonedUrl(new URL(withoutZone(url)), zoneOf(url));
  const key = JSON.stringify([origin, user, password, clearPassword]);
  return { key, url, profile, settings: camera };
}

export function linkOfPath(config: Config, path: string): OnvifLink | undefined {
  const settings = resolvePath(config, path)?.settings;
  return settings && linkOf(settings);
}

/** Opens a session by the settings, but not with another camera at that address. @param isInteractive a user has just entered the login */
export async function openOnvifSession(
  { url, settings }: OnvifLink,
  clock: Clock,
  signal: AbortSignal,
  isInteractive = false,
): Promise<OnvifSession> {
  const { user, password, clearPassword, serial, endpoint } = settings;
  const target = { url, user, password, isClearAllowed: clearPassword, isInteractive, signal, clock };
  const { session } = await openGuarded(target, endpoint);
  await requireSameCamera(session, serial);
  return session;
}

/** Pins the configured certificates of https cameras. */
export function pinCertificates({ paths }: Pick<Config, 'paths'>): void {
  const cameras = [...paths.values()].flatMap(({ settings }): PinnedCamera[] => {
    const { onvif, fingerprint } = settings?.camera ?? {};
    const origin = onvif === undefined ? undefined : parseHttpUrl(onvif)?.origin;
    return origin?.isSecure && fingerprint ? [{ origin, fingerprint }] : [];
  });
  sharedPins.set(cameras);
}
