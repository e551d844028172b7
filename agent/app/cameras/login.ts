import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { ReadyPath } from '../../config/load/path-entry.ts';
import { type CameraDescription, describeDevice } from '../../onvif/device/describe-device.ts';
import { anyLinkOf, openLink } from './grouping.ts';
import { createStreamProbe } from './stream-probe.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
  /** May be sent unencrypted; undefined: unchanged. */
  readonly clearPassword?: boolean | undefined;
}

/** Removes credentials from a stream address: everything up to the last @ before the first slash. */
export const withoutLogin = (source: string): string => source.replace(/^(\s*rtsps?(?:\+\w+)?:\/\/)[^/]*@/i, '$1');

const isStream = (source: string): boolean => /^\s*rtsps?(?:\+\w+)?:\/\//i.test(source);

/** Checks a new login with ONVIF, if available, and with the stream. @throws PerchError for a person */
export async function checkLogin(
  { settings }: ReadyPath,
  { user, password, clearPassword = settings.camera?.clearPassword ?? false }: Login,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const link = anyLinkOf({ ...settings, camera: { ...settings.camera, user, password, clearPassword } });
  if (link) {
    const session = await openLink(link, clock, signal, true);
    // The first call that needs the password.
    await session.information();
  }
  if (isStream(settings.source)) {
    await createStreamProbe(clock)(clearPassword)(withoutLogin(settings.source), { user, password }, signal);
  } else if (!link) {
    throw new PerchError('unsupported', 'this camera has neither ONVIF nor a stream address, so there is no login');
  }
}

/** Reads a camera in the background: a rejected password is not tried again. @throws PerchError */
export async function readQuietly(
  { settings }: ReadyPath,
  clock: Clock,
  signal: AbortSignal,
): Promise<CameraDescription> {
  const link = anyLinkOf(settings);
  if (!link) {
    throw new PerchError('unsupported', 'the camera has no ONVIF');
  }
  const session = await openLink(link, clock, signal);
  const probeStream = createStreamProbe(clock)(link.settings.clearPassword ?? false);
  return describeDevice(session, { probeStream, signal }).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof PerchError) || error.code === 'unauthorized') {
      throw error;
    }
    // Some have no capacity for a second RTSP connection: their own claims must do.
    return describeDevice(session, { signal });
  });
}
