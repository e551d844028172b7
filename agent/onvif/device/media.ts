import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import { troubleOf } from '../soap/http/failures.ts';
import { attributeOf, elements, escapeXml, findText } from '../soap/xml/xml.ts';
import { type CameraProfile, mergeEncoders, readProfiles } from './profiles.ts';
import { ask, requestsOf } from './requests.ts';
import type { OnvifSession } from './session.ts';

const ALL_PROFILES = '<tr2:GetProfiles><tr2:Type>All</tr2:Type></tr2:GetProfiles>';
/** Of Media 2, each the address of the same stream: interleaved, or over UDP, which the stream's reader decides for itself. */
const PROTOCOLS = ['RTSP', 'RtspUnicast'] as const;

/**
 * Profiles with a picture, in the camera's order. Media 2 first, which alone knows H.265; Media 1 where it is not there or broken
 * (D-Link: says that it has Media 2, and fails).
 */
export async function listProfiles(session: OnvifSession): Promise<CameraProfile[]> {
  if (session.has('media2')) {
    const profiles = await unlessBroken(async () =>
      readProfiles(await session.call('media2', ALL_PROFILES, 'GetProfilesResponse'), 'media2'),
    );
    if ((profiles ?? []).length > 0 || !session.has('media')) {
      return profiles ?? [];
    }
  }
  const { media } = await requestsOf(session);
  return readProfiles(await ask(media.getProfiles()), 'media');
}

/** What sparse profiles leave out, where the camera tells it elsewhere. */
export async function fillProfiles(
  session: OnvifSession,
  profiles: readonly CameraProfile[],
): Promise<CameraProfile[]> {
  const service = profiles[0]?.service;
  const isSparse = profiles.some(
    (one) => one.width === undefined || one.fps === undefined || one.groupFrames === undefined,
  );
  if (!service || !isSparse || !profiles.some(({ encoder }) => encoder !== undefined)) {
    return [...profiles];
  }
  const response = await unlessBroken(async () =>
    service === 'media2'
      ? session.call('media2', '<tr2:GetVideoEncoderConfigurations/>', 'GetVideoEncoderConfigurationsResponse')
      : ask((await requestsOf(session)).media.getVideoEncoderConfigurations()),
  );
  const encoders = new Map<string, XmlElement>();
  for (const element of elements(response, 'Configurations')) {
    encoders.set(attributeOf(element, 'token') ?? '', element);
  }
  return profiles.map((profile) => mergeEncoders(profile, encoders.get(profile.encoder ?? '')));
}

/** The address of a profile's stream as the camera tells it: a claim. */
export async function askStreamUri(session: OnvifSession, profile: CameraProfile): Promise<string> {
  let failure: unknown;
  for (const askOne of streamUriWays(session, profile)) {
    try {
      const uri = await askOne();
      if (uri !== undefined) {
        return uri;
      }
    } catch (error) {
      if (!isOwnFault(error)) {
        throw error;
      }
      failure ??= error;
    }
  }
  throw (
    failure ?? new PerchError('unsupported', 'the camera names no address of this stream', { camera: 'notSupported' })
  );
}

function streamUriWays(
  session: OnvifSession,
  { token, service }: CameraProfile,
): (() => Promise<string | undefined>)[] {
  const profileToken = escapeXml(token);
  const media1 = async () => {
    const { media } = await requestsOf(session);
    // Never HTTP: some answer it with rtsp://host:80 and mean nothing by it.
    const response = await ask(media.getStreamUri({ ProfileToken: profileToken, Protocol: 'RTSP' }));
    return findText(response, 'MediaUri', 'Uri') ?? findText(response, 'Uri');
  };
  if (service === 'media') {
    return [media1];
  }
  const media2 = PROTOCOLS.map((protocol) => async () => {
    const body = `<tr2:GetStreamUri><tr2:Protocol>${protocol}</tr2:Protocol><tr2:ProfileToken>${profileToken}</tr2:ProfileToken></tr2:GetStreamUri>`;
    const response = await session.call('media2', body, 'GetStreamUriResponse');
    return findText(response, 'Uri') ?? findText(response, 'MediaUri', 'Uri');
  });
  return session.has('media') ? [...media2, media1] : media2;
}

/** The address of a profile's picture, a claim; undefined when it has none. */
export async function askSnapshotUri(
  session: OnvifSession,
  { token, service }: CameraProfile,
): Promise<string | undefined> {
  const profileToken = escapeXml(token);
  const media1 = async () => {
    const { media } = await requestsOf(session);
    const response = await ask(media.getSnapshotUri({ ProfileToken: profileToken }));
    return findText(response, 'MediaUri', 'Uri') ?? findText(response, 'Uri');
  };
  if (service === 'media') {
    return media1();
  }
  const body = `<tr2:GetSnapshotUri><tr2:ProfileToken>${profileToken}</tr2:ProfileToken></tr2:GetSnapshotUri>`;
  const uri = await unlessBroken(async () => {
    const response = await session.call('media2', body, 'GetSnapshotUriResponse');
    return findText(response, 'Uri') ?? findText(response, 'MediaUri', 'Uri');
  });
  return uri ?? (session.has('media') ? media1() : undefined);
}

/** Undefined when the camera answers, and not with that. */
export async function unlessBroken<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isOwnFault(error)) {
      return undefined;
    }
    throw error;
  }
}

/** It is about this one thing: another may work. A camera that does not answer at all is not asked on. */
export function isOwnFault(error: unknown): boolean {
  return ['notSupported', 'badReply', 'noRights'].includes(troubleOf(error) ?? '');
}
