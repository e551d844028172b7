import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import type { ReadyPath } from '../config/load/path-entry.ts';
import { SOURCE_KEYS } from '../config/schema/path.ts';
import { schemeOf } from '../config/schema/source.ts';
import { type CameraDescription, describeDevice } from '../onvif/device/describe-device.ts';
import { linkEvenIfPaused, openOnvifSession } from './onvif/onvif-link.ts';
import { createStreamProbe } from './stream-probe.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
  /** Whether the password may be sent unencrypted, or undefined to leave it unchanged. */
  readonly clearPassword?: boolean | undefined;
}

const isPulled = (source: string): boolean => SOURCE_KEYS.some(({ schemes }) => schemes.includes(schemeOf(source)));

/** Removes the userinfo of a URL, also where the password has an unescaped @. */
export const withoutLogin = (source: string): string =>
  isPulled(source) ? source.replace(/^([^/]+:\/\/)[^/]*@/, '$1') : source;

/** Checks a new login with ONVIF, if available, and with the stream. @throws PerchError for a person */
export async function checkLogin(
  { settings }: ReadyPath,
  { user, password, clearPassword = settings.camera?.clearPassword ?? false }: Login,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const link = linkEvenIfPaused({ ...settings, camera: { ...settings.camera, user, password, clearPassword } });
  if (link) {
    const session = await openOnvifSession(link, clock, signal, true);
    // The first call that needs the password.
    await session.information();
  }
  if (isPulled(settings.source)) {
    await createStreamProbe(clock)(clearPassword)(withoutLogin(settings.source), { user, password }, signal);
  } else if (!link) {
    throw new PerchError('unsupported', 'this camera has neither ONVIF nor a stream address, so there is no login');
  }
}

/** Reads a camera in the background: a rejected password is not tried again. @throws PerchError */
export async function describeInBackground(
  { settings }: ReadyPath,
  clock: Clock,
  signal: AbortSignal,
): Promise<CameraDescription> {
  const link = linkEvenIfPaused(settings);
  if (!link) {
    throw new PerchError('unsupported', 'the camera has no ONVIF');
  }
  const session = await openOnvifSession(link, clock, signal);
  const probeStream = createStreamProbe(clock, link.url)(link.settings.clearPassword ?? false);
  return describeDevice(session, { probeStream, signal }).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof PerchError) || error.code === 'unauthorized') {
      throw error;
    }
    // Some cameras accept one RTSP connection only: then what ONVIF reports is used untested.
    return describeDevice(session, { signal });
  });
}
