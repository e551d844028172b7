import type { XmlElement } from '@rgrove/parse-xml';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { cameraError, isAway } from '../soap/http/failures.ts';
import { attributeOf, find } from '../soap/xml/xml.ts';
import { chooseProfiles, type PreferredCodec } from './choose.ts';
import { askSnapshotUri, fillProfiles, isOwnFault, listProfiles } from './media.ts';
import { readEndpoint, readHardwareAddresses } from './network.ts';
import type { CameraProfile } from './profiles.ts';
import { ask, requestsOf } from './requests.ts';
import type { DeviceInformation, OnvifSession } from './session.ts';
import { pinnedPictureUrl } from './snapshot-address.ts';
import { type CameraStream, type ProveStream, StreamFinder } from './streams.ts';
import { type Suggestion, suggest } from './suggestions.ts';

/** Recorders have a channel for each lens; more than this nobody adopts at once. */
const MAX_CHANNELS = 64;
/** How many profiles of one channel are asked for their stream before it is given up. */
const MAX_TRIES = 4;

export interface UnderstandOptions {
  readonly prefers?: PreferredCodec | undefined;
  /** Without it the camera's addresses are believed, repaired. */
  readonly prove?: ProveStream | undefined;
  readonly signal: AbortSignal;
  /** With it a stream that is put off is tried again a few times: somebody waits for it. */
  readonly retryClock?: Clock | undefined;
  /** Of a recorder, only the channels of these video sources; all when not given. */
  readonly videoSources?: readonly string[] | undefined;
}

/** One lens and its streams. */
export interface CameraChannel {
  readonly videoSource: string | undefined;
  readonly main: CameraStream;
  readonly sub: CameraStream | undefined;
}

/** What there is to know of a camera before it is adopted. Texts are the camera's claims: single lines, to be escaped where shown. */
export interface CameraDescription {
  /** `urn:uuid:…`, the same as discovery's, when the camera tells it. */
  readonly endpoint: string | undefined;
  readonly hardwareAddresses: readonly string[];
  readonly information: DeviceInformation;
  readonly profiles: readonly CameraProfile[];
  /** Of the first channel. */
  readonly main: CameraStream;
  readonly sub: CameraStream | undefined;
  /** One for each lens; a plain camera has one. */
  readonly channels: readonly CameraChannel[];
  /** Where its picture is, and of which profile; not fetched. */
  readonly snapshot: { readonly profile: string; readonly url: string } | undefined;
  readonly hasPtz: boolean;
  readonly hasEvents: boolean;
  readonly hasSound: boolean;
  /** Undefined when nobody asked the stream's server. */
  readonly hasBackChannel: boolean | undefined;
  readonly suggestions: readonly Suggestion[];
}

/** Reads a camera. Fails with words for the person who wants to add it; what is not essential may be missing. */
export async function understand(session: OnvifSession, options: UnderstandOptions): Promise<CameraDescription> {
  const information = await session.information();
  const profiles = await fillProfiles(session, await listProfiles(session));
  const channels = await findChannels(session, profiles, options);
  const [first] = channels;
  if (!first) {
    throw cameraError('notSupported', 'the camera has no profile with a picture', { host: session.host });
  }
  const { main, sub } = first;
  const streams = channels.flatMap((channel) => [channel.main, ...(channel.sub ? [channel.sub] : [])]);
  const extra = new Extras(session);
  const identity = await extra.identity();
  return {
    ...identity,
    information,
    profiles,
    main,
    sub,
    channels,
    snapshot: await extra.snapshot(main),
    hasPtz: session.has('ptz') && profiles.some(({ ptz }) => ptz !== undefined),
    hasEvents: await extra.hasEvents(),
    hasSound: main.proof?.hasSound ?? main.hasSound,
    hasBackChannel: main.proof?.hasBackChannel,
    suggestions: suggest(streams, session),
  };
}

async function findChannels(
  session: OnvifSession,
  profiles: readonly CameraProfile[],
  { prefers, prove, signal, videoSources, retryClock }: UnderstandOptions,
): Promise<CameraChannel[]> {
  const finder = new StreamFinder(session, prove, signal, retryClock);
  const bySource = new Map<string | undefined, CameraProfile[]>();
  for (const profile of profiles) {
    if (!videoSources || videoSources.includes(profile.videoSource ?? '')) {
      bySource.set(profile.videoSource, [...(bySource.get(profile.videoSource) ?? []), profile]);
    }
  }
  const channels: CameraChannel[] = [];
  let failure: unknown;
  for (const [videoSource, own] of [...bySource].slice(0, MAX_CHANNELS)) {
    try {
      channels.push({ videoSource, ...(await findStreams(finder, own, prefers)) });
    } catch (error) {
      // A channel of a recorder with no camera on it; a device that does not answer at all is not asked on.
      if (!isOwnFault(error)) {
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

/** One profile may be switched off: the next best is taken in its place. */
async function findStreams(
  finder: StreamFinder,
  profiles: readonly CameraProfile[],
  prefers: PreferredCodec | undefined,
): Promise<{ main: CameraStream; sub: CameraStream | undefined }> {
  let left = profiles;
  let main: CameraStream | undefined;
  let failure: unknown;
  for (let tries = 0; tries < MAX_TRIES && left.length > 0; tries += 1) {
    // Once there is a main stream, what is looked for is a sub stream to it.
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
      // A small profile at the address of the large one is the same stream: nothing is pulled twice.
    } catch (error) {
      if (!isOwnFault(error)) {
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

/** What a camera may tell beside its streams. After the first that is not answered at all nothing more is asked. */
class Extras {
  readonly #session: OnvifSession;
  #isSilent = false;

  constructor(session: OnvifSession) {
    this.#session = session;
  }

  async identity(): Promise<Pick<CameraDescription, 'endpoint' | 'hardwareAddresses'>> {
    const session = this.#session;
    const endpoint = await this.#try(() =>
      session.call('device', '<tds:GetEndpointReference/>', 'GetEndpointReferenceResponse'),
    );
    const interfaces = await this.#try(async () => ask((await requestsOf(session)).device.getNetworkInterfaces()));
    return { endpoint: readEndpoint(endpoint), hardwareAddresses: readHardwareAddresses(interfaces) };
  }

  async snapshot(main: CameraStream): Promise<CameraDescription['snapshot']> {
    const uri = await this.#try(() => askSnapshotUri(this.#session, main));
    try {
      return uri === undefined
        ? undefined
        : { profile: main.token, url: pinnedPictureUrl(uri, this.#session.url).href };
    } catch {
      return undefined;
    }
  }

  /** Pull points, as far as the camera can be believed: some say so and have none. */
  async hasEvents(): Promise<boolean> {
    if (!this.#session.has('events')) {
      return false;
    }
    const response = await this.#try<XmlElement>(() =>
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
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#isSilent = isAway(error);
      return undefined;
    }
  }
}
