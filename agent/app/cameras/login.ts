import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { ReadyPath } from '../../config/load/path-entry.ts';
import { type CameraDescription, understand } from '../../onvif/device/understand.ts';
import { anyLinkOf, openLink } from './grouping.ts';
import { streamProver } from './stream-probe.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
  /** It may be sent so that anybody in the network can read it; undefined: as it is now. */
  readonly clearPassword?: boolean | undefined;
}

/** The address of a stream without the name and the password in it: what ends at the last @ before the first slash. */
export const withoutLogin = (source: string): string => source.replace(/^(\s*rtsps?(?:\+\w+)?:\/\/)[^/]*@/i, '$1');

const isStream = (source: string): boolean => /^\s*rtsps?(?:\+\w+)?:\/\//i.test(source);

/** Whether a camera takes another login, over ONVIF where it has that and for its stream. @throws PerchError in words for a person */
export async function checkLogin(
  { settings }: ReadyPath,
  { user, password, clearPassword = settings.camera?.clearPassword ?? false }: Login,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const link = anyLinkOf({ ...settings, camera: { ...settings.camera, user, password, clearPassword } });
  if (link) {
    const session = await openLink(link, clock, signal, true);
    // The first that needs the password.
    await session.information();
  }
  if (isStream(settings.source)) {
    await streamProver(clock)(clearPassword)(withoutLogin(settings.source), { user, password }, signal);
  } else if (!link) {
    throw new PerchError(
      'unsupported',
      'this camera has neither ONVIF nor an address of its stream: nobody logs in to it',
    );
  }
}

/** What a camera is, as nobody in particular has asked: a password that it has refused is not tried again. @throws PerchError */
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
  const prove = streamProver(clock)(link.settings.clearPassword ?? false);
  return understand(session, { prove, signal }).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof PerchError) || error.code === 'unauthorized') {
      throw error;
    }
    // Some have no room for a second connection for their streams: what they say of them has to do.
    return understand(session, { signal });
  });
}
