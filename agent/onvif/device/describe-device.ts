import type { Clock } from '../../base/clock.ts';
import { ignoreExpected } from '../../base/errors.ts';
import { cameraError, isOperationFault, isUnreachable } from '../soap/http/failures.ts';
import { attributeOf, find } from '../soap/xml/xml.ts';
import { type DeviceInformation, readEndpoint, readHardwareAddresses } from './device-service.ts';
import { fillProfiles, getSnapshotUri, listProfiles } from './media.ts';
import { pinnedSnapshotUrl } from './media-uri.ts';
import type { OnvifSession } from './onvif-session.ts';
import { type CameraProfile, chooseProfiles, type PreferredCodec } from './profiles.ts';
import { sendRequest } from './requests.ts';
import { type CameraStream, type ProbeStream, StreamFinder } from './streams.ts';
import { type Suggestion, suggest } from './suggestions.ts';

export interface DescribeOptions {
  readonly prefers?: PreferredCodec | undefined;
  /** Default: the camera's addresses are repaired and used unchecked. */
  readonly probeStream?: ProbeStream | undefined;
  readonly signal: AbortSignal;
  /** If given, a delayed stream is retried a few times, because a user waits. */
  readonly retryClock?: Clock | undefined;
  /** Restricts a recorder to the channels of these video sources. */
  readonly videoSources?: readonly string[] | undefined;
}

export interface CameraChannel {
  readonly videoSource: string | undefined;
  readonly main: CameraStream;
  readonly sub: CameraStream | undefined;
}

/** A camera as read before adoption. Texts are the camera's: single lines, escape where shown. */
export interface CameraDescription {
  /** `urn:uuid:…` as in discovery, if the camera reports it. */
  readonly endpoint: string | undefined;
  readonly hardwareAddresses: readonly string[];
  readonly information: DeviceInformation;
  /** As in discovery. */
  readonly name: string | undefined;
  readonly profiles: readonly CameraProfile[];
  readonly main: CameraStream;
  readonly sub: CameraStream | undefined;
  readonly channels: readonly CameraChannel[];
  /** Address and profile of its snapshot; not fetched. */
  readonly snapshot: { readonly profile: string; readonly url: string } | undefined;
  readonly hasPtz: boolean;
  readonly hasEvents: boolean;
  readonly hasSound: boolean;
  /** Undefined if the stream was not probed. */
  readonly hasBackChannel: boolean | undefined;
  readonly suggestions: readonly Suggestion[];
}

/** Reads a camera; optional facts may be missing. @throws PerchError for the user who adds it */
export async function describeDevice(session: OnvifSession, options: DescribeOptions): Promise<CameraDescription> {
  const information = await session.information();
  const profiles = await fillProfiles(session, await listProfiles(session));
  const channels = await findChannels(session, profiles, options);
  const [first] = channels;
  if (!first) {
    throw cameraError('notSupported', 'the camera has no profile with a picture', { host: session.host });
  }
  const { main, sub } = first;
  const streams = channels.flatMap((channel) => [channel.main, ...(channel.sub ? [channel.sub] : [])]);
  const extra = new OptionalDetails(session);
  return {
    ...(await extra.identity()),
    information,
    profiles,
    main,
    sub,
    channels,
    snapshot: await extra.snapshot(main),
    hasPtz: session.has('ptz') && profiles.some(({ ptz }) => ptz !== undefined),
    hasEvents: await extra.hasEvents(),
    hasSound: main.probed?.hasSound ?? main.hasSound,
    hasBackChannel: main.probed?.hasBackChannel,
    suggestions: suggest(streams, session),
  };
}

async function findChannels(
  session: OnvifSession,
  profiles: readonly CameraProfile[],
  { prefers, probeStream, signal, videoSources, retryClock }: DescribeOptions,
): Promise<CameraChannel[]> {
  const finder = new StreamFinder(session, probeStream, signal, retryClock);
  const bySource = new Map<string | undefined, CameraProfile[]>();
  for (const profile of profiles) {
    if (!videoSources || videoSources.includes(profile.videoSource ?? '')) {
      bySource.set(profile.videoSource, [...(bySource.get(profile.videoSource) ?? []), profile]);
    }
  }
  const channels: CameraChannel[] = [];
  let failure: unknown;
  // At most 64 channels of a recorder.
  for (const [videoSource, own] of [...bySource].slice(0, 64)) {
    try {
      channels.push({ videoSource, ...(await findStreams(finder, own, prefers)) });
    } catch (error) {
      // A recorder's channel without a camera; an unreachable device ends the loop.
      if (!isOperationFault(error)) {
        throw error;
      }
      failure ??= error;
    }
  }
  if (channels.length === 0 && failure !== undefined) {
    throw failure;
  }
  return channels;
}

/** A profile may be switched off: then the next best is tried. */
async function findStreams(
  finder: StreamFinder,
  profiles: readonly CameraProfile[],
  prefers: PreferredCodec | undefined,
): Promise<{ main: CameraStream; sub: CameraStream | undefined }> {
  let left = profiles;
  let main: CameraStream | undefined;
  let failure: unknown;
  for (let tries = 0; tries < 4 && left.length > 0; tries += 1) {
    // If the main stream is found, the search is for its sub stream.
    const chosen = main ? chooseProfiles([main, ...left], prefers).sub : chooseProfiles(left, prefers).main;
    if (!chosen) {
      break;
    }
    left = left.filter((profile) => profile !== chosen);
    try {
      const stream = await finder.find(chosen);
      if (!main) {
        main = stream;
      } else if (main.rtspUrl === undefined || stream.rtspUrl !== main.rtspUrl) {
        return { main, sub: stream };
      }
      // A small profile at the address of the large one is the same stream.
    } catch (error) {
      if (!isOperationFault(error)) {
        throw error;
      }
      failure ??= error;
    }
  }
  if (!main) {
    throw failure;
  }
  return { main, sub: undefined };
}

/** Reads optional facts. After the first call without any reply it sends no further calls. */
class OptionalDetails {
  readonly #session: OnvifSession;
  #isSilent = false;

  constructor(session: OnvifSession) {
    this.#session = session;
  }

  async identity(): Promise<Pick<CameraDescription, 'endpoint' | 'hardwareAddresses' | 'name'>> {
    const session = this.#session;
    const endpoint = await this.#try(() =>
      session.call('device', '<tds:GetEndpointReference/>', 'GetEndpointReferenceResponse'),
    );
    const interfaces = await this.#try(() => sendRequest(session, ({ device }) => device.getNetworkInterfaces()));
    return {
      endpoint: readEndpoint(endpoint),
      hardwareAddresses: readHardwareAddresses(interfaces),
      name: await this.#try(() => session.name()),
    };
  }

  async snapshot(main: CameraStream): Promise<CameraDescription['snapshot']> {
    const uri = await this.#try(() => getSnapshotUri(this.#session, main));
    try {
      return uri === undefined
        ? undefined
        : { profile: main.token, url: pinnedSnapshotUrl(uri, this.#session.url).href };
    } catch {
      return undefined;
    }
  }

  /** Whether the camera has pull points. It has them unless it denies that: some cameras claim an event service and have none. */
  async hasEvents(): Promise<boolean> {
    if (!this.#session.has('events')) {
      return false;
    }
    const response = await this.#try(() =>
      this.#session.call('events', '<tev:GetServiceCapabilities/>', 'GetServiceCapabilitiesResponse'),
    );
    return attributeOf(find(response, 'Capabilities'), 'WSPullPointSupport') !== 'false';
  }

  async #try<T>(call: () => Promise<T>): Promise<T | undefined> {
    if (this.#isSilent) {
      return undefined;
    }
    try {
      return await call();
    } catch (error) {
      this.#isSilent = isUnreachable(error);
      return ignoreExpected(error);
    }
  }
}
