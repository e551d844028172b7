import type { XmlElement } from '@rgrove/parse-xml';
import { cameraError, isOperationFault, unlessFault } from '../soap/http/failures.ts';
import { attributeOf, elements, escapeXml, findText } from '../soap/xml/xml.ts';
import type { OnvifSession } from './onvif-session.ts';
import { type CameraProfile, mergeEncoders, readProfiles } from './profiles.ts';
import { sendRequest } from './requests.ts';

const ALL_PROFILES = '<tr2:GetProfiles><tr2:Type>All</tr2:Type></tr2:GetProfiles>';
/** Media 2 protocols with the address of the same stream: interleaved or over UDP, which the RTSP client decides. */
const PROTOCOLS = ['RTSP', 'RtspUnicast'] as const;

/**
 * Profiles with video, in the camera's order. Media 2 first, because only it knows H.265; Media 1 if that is missing or broken (D-Link:
 * announces Media 2, and fails).
 */
export async function listProfiles(session: OnvifSession): Promise<CameraProfile[]> {
  if (session.has('media2')) {
    const profiles = (await unlessFault(profilesOf(session, 'media2'))) ?? [];
    if (profiles.length > 0 || !session.has('media')) {
      return profiles;
    }
  }
  return profilesOf(session, 'media');
}

async function profilesOf(session: OnvifSession, service: CameraProfile['service']): Promise<CameraProfile[]> {
  const response =
    service === 'media2'
      ? await session.call('media2', ALL_PROFILES, 'GetProfilesResponse')
      : await sendRequest(session, ({ media }) => media.getProfiles());
  return readProfiles(response, service);
}

/** The same profile by this Media service; both have the same tokens, also if it lists none. @throws PerchError notSupported if it lists others only */
export async function profileAt(
  session: OnvifSession,
  service: CameraProfile['service'],
  known: CameraProfile,
): Promise<CameraProfile> {
  const profiles = await unlessFault(profilesOf(session, service));
  const { token, encoder } = known;
  const profile = profiles
    ? (profiles.find((one) => one.token === token) ??
      profiles.find((one) => one.encoder === encoder && encoder !== undefined))
    : { ...known, service };
  if (!profile) {
    const words = 'the camera lists this profile in one Media service only';
    throw cameraError('notSupported', words, { host: session.host });
  }
  return profile;
}

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
  const ask = (by: CameraProfile['service']) =>
    unlessFault(
      by === 'media2'
        ? session.call('media2', '<tr2:GetVideoEncoderConfigurations/>', 'GetVideoEncoderConfigurationsResponse')
        : sendRequest(session, ({ media }) => media.getVideoEncoderConfigurations()),
    );
  const other = service === 'media2' ? 'media' : 'media2';
  const own = await ask(service);
  const response = own ?? (session.has(other) ? await ask(other) : undefined);
  const encoders = new Map<string, XmlElement>();
  for (const element of elements(response, 'Configurations')) {
    encoders.set(attributeOf(element, 'token') ?? '', element);
  }
  return profiles.map((profile) => mergeEncoders(profile, encoders.get(profile.encoder ?? ''), own ? service : other));
}

export async function ownProfile(session: OnvifSession, token: string | undefined): Promise<CameraProfile> {
  const profiles = await listProfiles(session);
  const profile = token === undefined ? profiles[0] : profiles.find((one) => one.token === token);
  if (!profile) {
    throw cameraError('notSupported', 'the camera no longer has this profile', { host: session.host });
  }
  return profile;
}

/** The address of a profile's stream as the camera claims it. */
export async function getStreamUri(session: OnvifSession, { token, service }: CameraProfile): Promise<string> {
  const ProfileToken = escapeXml(token);
  // Never HTTP: some cameras reply with a useless rtsp://host:80.
  const media1 = () => sendRequest(session, ({ media }) => media.getStreamUri({ ProfileToken, Protocol: 'RTSP' }));
  const media2 = PROTOCOLS.map((protocol) => () => {
    const body = `<tr2:GetStreamUri><tr2:Protocol>${protocol}</tr2:Protocol><tr2:ProfileToken>${ProfileToken}</tr2:ProfileToken></tr2:GetStreamUri>`;
    return session.call('media2', body, 'GetStreamUriResponse');
  });
  const calls = service === 'media' ? [media1] : session.has('media') ? [...media2, media1] : media2;
  let failure: unknown;
  for (const call of calls) {
    try {
      const uri = uriOf(await call());
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
  throw failure ?? cameraError('notSupported', 'the camera has no address for this stream');
}

/** The address of a profile's snapshot as the camera claims it; undefined if it has none. */
export async function getSnapshotUri(
  session: OnvifSession,
  { token, service }: CameraProfile,
): Promise<string | undefined> {
  const ProfileToken = escapeXml(token);
  const body = `<tr2:GetSnapshotUri><tr2:ProfileToken>${ProfileToken}</tr2:ProfileToken></tr2:GetSnapshotUri>`;
  const uri =
    service === 'media2' ? uriOf(await unlessFault(session.call('media2', body, 'GetSnapshotUriResponse'))) : undefined;
  return uri === undefined && (service === 'media' || session.has('media'))
    ? uriOf(await sendRequest(session, ({ media }) => media.getSnapshotUri({ ProfileToken })))
    : uri;
}

/** Media 1 has it inside `MediaUri`, Media 2 directly; some cameras confuse the two. */
const uriOf = (response: XmlElement | undefined): string | undefined =>
  findText(response, 'MediaUri', 'Uri') ?? findText(response, 'Uri');
