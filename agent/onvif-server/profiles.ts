import type { OfferedCamera, OnvifSource, StreamFacts, StreamToken } from './contract.ts';
import { fault } from './soap.ts';

/** Of every camera: it has one lens. */
export const VIDEO_SOURCE = 'video';
export const VIDEO_SOURCE_CONFIGURATION = 'video';
export const AUDIO_SOURCE = 'audio';
export const PTZ_CONFIGURATION = 'ptz';
export const PTZ_NODE = 'ptz';
/** Before a stream has run. */
const USUAL: Readonly<Record<StreamToken, readonly [number, number]>> = { main: [1920, 1080], sub: [640, 360] };
const USUAL_RATE_HZ = 8_000;

/** A stream with every value that the schemas of ONVIF require. */
export interface Profile {
  readonly token: StreamToken;
  readonly path: string;
  readonly name: string;
  readonly video: string;
  readonly width: number;
  readonly height: number;
  readonly audio: { readonly encoding: string; readonly rateHz: number } | undefined;
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
  const [width, height] = USUAL[token];
  return {
    token,
    path,
    name: token === 'main' ? 'Main stream' : 'Sub stream',
    video: facts.video ?? 'H264',
    width: facts.width ?? width,
    height: facts.height ?? height,
    audio:
      facts.audio === undefined ? undefined : { encoding: facts.audio, rateHz: facts.audioRateHz ?? USUAL_RATE_HZ },
  };
}

/** Largest picture of the camera. */
export function sensorOf(profiles: readonly Profile[]): { readonly width: number; readonly height: number } {
  const [largest] = profiles.toSorted((a, b) => b.width * b.height - a.width * a.height);
  return { width: largest?.width ?? 1920, height: largest?.height ?? 1080 };
}
