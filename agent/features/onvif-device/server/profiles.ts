import type { OfferedCamera, OnvifSource, StreamFacts, StreamToken } from './contract.ts';
import { fault } from './soap.ts';

/** Token of the one video source of each camera: a camera has one lens. */
export const VIDEO_SOURCE = 'video';
export const VIDEO_SOURCE_CONFIGURATION = 'video';
export const AUDIO_SOURCE = 'audio';
export const PTZ_CONFIGURATION = 'ptz';
export const PTZ_NODE = 'ptz';
/** Values that are reported before a stream has run. */
const USUAL = {
  main: { width: 1920, height: 1080, bitrateKbps: 4096 },
  sub: { width: 640, height: 360, bitrateKbps: 512 },
} as const;
const USUAL_FPS = 25;
const USUAL_GROUP_S = 2;
const USUAL_RATE_HZ = 8_000;
const USUAL_AUDIO_KBPS = 64;
/** Bitrates are rounded up to multiples of this: a measured rate changes with each picture, which recorders would take for new settings. */
const BITRATE_STEP_KBPS = 64;

interface Sound {
  readonly encoding: string;
  readonly rateHz: number;
  readonly channels: number;
  readonly bitrateKbps: number;
}

/** A stream with every value that the schemas of ONVIF require. */
export interface Profile {
  readonly token: StreamToken;
  readonly path: string;
  readonly name: string;
  readonly video: string;
  readonly width: number;
  readonly height: number;
  readonly codecProfile: string | undefined;
  readonly fps: number;
  readonly groupFrames: number;
  readonly bitrateKbps: number;
  readonly audio: Sound | undefined;
}

export const profilesOf = ({ streams }: OfferedCamera, source: Pick<OnvifSource, 'facts'>): readonly Profile[] =>
  streams.map(({ token, path }) => profileOf(token, path, source.facts(path)));

/** @throws PerchError NoProfile */
export function findProfile(
  camera: OfferedCamera,
  wanted: string | undefined,
  source: Pick<OnvifSource, 'facts'>,
): Profile {
  const profile = profilesOf(camera, source).find((one) => one.token === wanted);
  if (!profile) {
    throw fault(`no profile '${wanted?.slice(0, 64) ?? ''}': GetProfiles lists them`, 'InvalidArgVal', 'NoProfile');
  }
  return profile;
}

function profileOf(token: StreamToken, path: string, facts: StreamFacts): Profile {
  const usual = USUAL[token];
  const fps = facts.fps ?? USUAL_FPS;
  return {
    token,
    path,
    name: token === 'main' ? 'Main stream' : 'Sub stream',
    video: facts.video ?? 'H264',
    width: facts.width ?? usual.width,
    height: facts.height ?? usual.height,
    codecProfile: facts.codecProfile,
    fps,
    groupFrames: facts.groupFrames ?? Math.max(1, Math.round(fps * USUAL_GROUP_S)),
    bitrateKbps:
      facts.bitrateKbps === undefined
        ? usual.bitrateKbps
        : Math.max(1, Math.ceil(facts.bitrateKbps / BITRATE_STEP_KBPS)) * BITRATE_STEP_KBPS,
    audio: soundOf(facts),
  };
}

function soundOf({ audio, audioRateHz = USUAL_RATE_HZ, audioChannels = 1 }: StreamFacts): Sound | undefined {
  if (audio === undefined) {
    return undefined;
  }
  const isG711 = audio === 'PCMU' || audio === 'PCMA';
  const bitrateKbps = isG711 ? (audioRateHz * audioChannels * 8) / 1000 : USUAL_AUDIO_KBPS;
  return { encoding: audio, rateHz: audioRateHz, channels: audioChannels, bitrateKbps };
}

/** Size of the camera's largest picture. */
export function sensorOf(profiles: readonly Profile[]): { readonly width: number; readonly height: number } {
  const [largest] = profiles.toSorted((a, b) => b.width * b.height - a.width * a.height);
  return { width: largest?.width ?? 1920, height: largest?.height ?? 1080 };
}
