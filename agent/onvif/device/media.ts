import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import { troubleOf } from '../soap/http/failures.ts';
import { attributeOf, elements, escapeXml, findText } from '../soap/xml/xml.ts';
import type { OnvifSession } from './onvif-session.ts';
import { type CameraProfile, mergeEncoders, readProfiles } from './profiles.ts';
import { elementOf, requestsOf } from './requests.ts';

const ALL_PROFILES = '<tr2:GetProfiles><tr2:Type>All</tr2:Type></tr2:GetProfiles>';
/** Media 2 protocols with the address of the same stream: interleaved or over UDP, which the RTSP client decides. */
const PROTOCOLS = ['RTSP', 'RtspUnicast'] as const;

/**
 * Profiles with video, in the camera's order. Media 2 first, because only it knows H.265; Media 1 if that is missing or broken (D-Link:
 * announces Media 2, and fails).
 */
export async function listProfiles(session: OnvifSession): Promise<CameraProfile[]> {
  if (session.has('media2')) {
    const profiles = await unlessFault(async () =>
      readProfiles(await session.call('media2', ALL_PROFILES, 'GetProfilesResponse'), 'media2'),
    );
    if ((profiles ?? []).length > 0 || !session.has('media')) {
      return profiles ?? [];
    }
  }
  const { media } = await requestsOf(session);
  return readProfiles(await elementOf(media.getProfiles()), 'media');
}

/** Completes sparse profiles from the encoder configurations. */
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
  const response = await unlessFault(async () =>
    service === 'media2'
      ? session.call('media2', '<tr2:GetVideoEncoderConfigurations/>', 'GetVideoEncoderConfigurationsResponse')
      : elementOf((await requestsOf(session)).media.getVideoEncoderConfigurations()),
  );
  const encoders = new Map<string, XmlElement>();
  for (const element of elements(response, 'Configurations')) {
    encoders.set(attributeOf(element, 'token') ?? '', element);
  }
  return profiles.map((profile) => mergeEncoders(profile, encoders.get(profile.encoder ?? '')));
}

/** The address of a profile's stream as the camera claims it. */
export async function getStreamUri(session: OnvifSession, profile: CameraProfile): Promise<string> {
  let failure: unknown;
  for (const askOne of streamUriWays(session, profile)) {
    try {
      const uri = await askOne();
      if (uri !== undefined) {
        return uri;
      }
    } catch (error) {
      if (!isOperationFault(error)) {
        throw error;
      }
      failure ??= error;
    }
  }
  throw (
    failure ?? new PerchError('unsupported', 'the camera has no address for this stream', { camera: 'notSupported' })
  );
}

function streamUriWays(
  session: OnvifSession,
  { token, service }: CameraProfile,
): (() => Promise<string | undefined>)[] {
  const profileToken = escapeXml(token);
  const media1 = async () => {
    const { media } = await requestsOf(session);
    // Never HTTP: some cameras reply with a useless rtsp://host:80.
    const response = await elementOf(media.getStreamUri({ ProfileToken: profileToken, Protocol: 'RTSP' }));
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

/** The address of a profile's snapshot as the camera claims it; undefined if it has none. */
export async function getSnapshotUri(
  session: OnvifSession,
  { token, service }: CameraProfile,
): Promise<string | undefined> {
  const profileToken = escapeXml(token);
  const media1 = async () => {
    const { media } = await requestsOf(session);
    const response = await elementOf(media.getSnapshotUri({ ProfileToken: profileToken }));
    return findText(response, 'MediaUri', 'Uri') ?? findText(response, 'Uri');
  };
  if (service === 'media') {
    return media1();
  }
  const body = `<tr2:GetSnapshotUri><tr2:ProfileToken>${profileToken}</tr2:ProfileToken></tr2:GetSnapshotUri>`;
  const uri = await unlessFault(async () => {
    const response = await session.call('media2', body, 'GetSnapshotUriResponse');
    return findText(response, 'Uri') ?? findText(response, 'MediaUri', 'Uri');
  });
  return uri ?? (session.has('media') ? media1() : undefined);
}

/** Undefined if the camera rejects this operation. */
export async function unlessFault<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isOperationFault(error)) {
      return undefined;
    }
    throw error;
  }
}

/** The failure concerns only this operation; an unreachable camera is another matter. */
export function isOperationFault(error: unknown): boolean {
  return ['notSupported', 'badReply', 'noRights'].includes(troubleOf(error) ?? '');
}
