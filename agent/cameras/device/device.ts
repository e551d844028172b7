import { PerchError } from '../../base/errors.ts';
import { escapeXml, findText } from '../soap/xml.ts';
import { type CameraProfile, readProfiles } from './profiles.ts';
import { ask, requestsOf } from './requests.ts';
import { type CameraTarget, type DeviceInformation, type OnvifSession, openSession } from './session.ts';

/** What a camera says of itself and of its streams. */
export interface OnvifCamera {
  readonly url: string;
  readonly information: DeviceInformation;
  /** The camera's clock minus ours. */
  readonly skewMs: number;
  /** Those that can be pulled over RTSP, in the camera's order. `rtspUrl` has the camera's host and no credentials. */
  readonly profiles: readonly (CameraProfile & { readonly rtspUrl: string })[];
}

/** Reads a camera through ONVIF (Device and Media 1). Fails with words for the person who wants to add it. */
export async function openCamera(target: CameraTarget): Promise<OnvifCamera> {
  const session = await openSession(target);
  const information = await session.information();
  return { url: session.url.href, information, skewMs: session.skewMs, profiles: await readStreams(session) };
}

/** Those with a picture, in the camera's order. */
export async function listProfiles(session: OnvifSession): Promise<CameraProfile[]> {
  const { media } = await requestsOf(session);
  return readProfiles(await ask(media.getProfiles()), 'media');
}

async function readStreams(session: OnvifSession): Promise<OnvifCamera['profiles']> {
  const { media } = await requestsOf(session);
  const profiles: (CameraProfile & { rtspUrl: string })[] = [];
  let failure: unknown;
  for (const profile of await listProfiles(session)) {
    try {
      const asked = media.getStreamUri({ ProfileToken: escapeXml(profile.token), Protocol: 'RTSP' });
      const uri = findText(await ask(asked), 'MediaUri', 'Uri');
      profiles.push({ ...profile, rtspUrl: pinnedRtspUrl(uri ?? '', session.host) });
    } catch (error) {
      // One profile may be switched off; a camera that does not answer at all is not asked for the others.
      if (error instanceof PerchError && error.code === 'timeout') {
        throw error;
      }
      failure = error;
    }
  }
  if (profiles.length === 0) {
    throw new PerchError('unsupported', 'the camera has no profile with an RTSP stream', {}, failure);
  }
  return profiles;
}

/** Cameras behind a router or with an old setting name another host in their stream addresses; port, path and query are right. */
function pinnedRtspUrl(uri: string, host: string): string {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.protocol !== 'rtsp:' && url?.protocol !== 'rtsps:') {
    throw new PerchError('badInput', `'${uri.slice(0, 100)}' is not an RTSP address`);
  }
  url.hostname = host.includes(':') ? `[${host}]` : host;
  url.username = '';
  url.password = '';
  return url.href;
}
