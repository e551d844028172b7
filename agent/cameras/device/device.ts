import { PerchError } from '../../base/errors.ts';
import { elements, escapeXml, findText } from '../soap/xml.ts';
import { type CameraProfile, type DeviceInformation, parseInformation, parseProfile } from './replies.ts';
import { ask, type OpenCameraOptions, openServices } from './services.ts';

export type { OpenCameraOptions } from './services.ts';

/** A recorder may offer hundreds; nobody adopts that many at once. */
const MAX_PROFILES = 64;

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
export async function openCamera(options: OpenCameraOptions): Promise<OnvifCamera> {
  const { url, host, skewMs, device, openMedia } = await openServices(options);
  const information = parseInformation(await ask(device.getDeviceInformation(), 'GetDeviceInformationResponse'));
  return { url: url.href, information, skewMs, profiles: await readProfiles(await openMedia(), host) };
}

/** Those with a picture, in the camera's order. */
export async function listProfiles(media: OnvifMediaService): Promise<CameraProfile[]> {
  const response = await ask(media.getProfiles(), 'GetProfilesResponse');
  const profiles = elements(response, 'Profiles').slice(0, MAX_PROFILES).map(parseProfile);
  return profiles.filter((profile) => profile !== undefined);
}

async function readProfiles(media: OnvifMediaService, host: string): Promise<OnvifCamera['profiles']> {
  const profiles: (CameraProfile & { rtspUrl: string })[] = [];
  let failure: unknown;
  for (const profile of await listProfiles(media)) {
    try {
      const asked = media.getStreamUri({ ProfileToken: escapeXml(profile.token), Protocol: 'RTSP' });
      const uri = findText(await ask(asked, 'GetStreamUriResponse'), 'MediaUri', 'Uri');
      profiles.push({ ...profile, rtspUrl: pinnedRtspUrl(uri ?? '', host) });
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
