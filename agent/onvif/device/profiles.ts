import type { XmlElement } from '@rgrove/parse-xml';
import { attributeOf, elements, find, findNumber, findText, plainLine } from '../soap/xml/xml.ts';

/** A profile's PTZ configuration (ONVIF PTZ §5.2). */
interface PtzConfiguration {
  readonly token: string | undefined;
  readonly node: string | undefined;
  /** Undefined if the profile does not state its axes. */
  readonly hasPanTilt: boolean | undefined;
  readonly hasZoom: boolean | undefined;
}

/** A media profile with video. Cameras may omit any element. */
export interface CameraProfile {
  readonly token: string;
  readonly name: string;
  /** The media service that listed it; its addresses are requested there. */
  readonly service: 'media' | 'media2';
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fps: number | undefined;
  /** `H264`, `H265`, `JPEG`, `MPEG4`, or the camera's own word. */
  readonly codec: string | undefined;
  readonly groupFrames: number | undefined;
  readonly bitrateKbps: number | undefined;
  /** `Baseline`, `Main`, `High`. */
  readonly codecProfile: string | undefined;
  /** More than 1: B-frames (Media 2 only). */
  readonly anchorFrames: number | undefined;
  readonly encoder: string | undefined;
  readonly encoderName: string | undefined;
  /** A recorder has one for each channel. */
  readonly videoSource: string | undefined;
  /** Token of its configuration, which texts on the picture belong to. */
  readonly sourceConfiguration: string | undefined;
  readonly hasSound: boolean;
  readonly ptz: PtzConfiguration | undefined;
}

/** Profiles with video, in the camera's order: GetProfilesResponse of Media 1 (`trt`) or Media 2 (`tr2`). */
export function readProfiles(response: XmlElement | undefined, service: CameraProfile['service']): CameraProfile[] {
  // A recorder may list hundreds.
  const all = elements(response, 'Profiles').slice(0, 64);
  const seen = new Set<string>();
  return all.flatMap((element) => {
    const profile = readProfile(element, service);
    if (!profile || seen.has(profile.token)) {
      return [];
    }
    seen.add(profile.token);
    return [profile];
  });
}

/** ONVIF Media §5.2.1, Media 2 §5.2.1. Undefined without a video encoder (audio or metadata only). */
function readProfile(element: XmlElement, service: CameraProfile['service']): CameraProfile | undefined {
  const [parent, suffix] = service === 'media' ? [element, 'Configuration'] : [find(element, 'Configurations'), ''];
  const encoder = find(parent, `VideoEncoder${suffix}`);
  const token = attributeOf(element, 'token');
  return token === undefined || !encoder
    ? undefined
    : {
        token,
        name: plainLine(findText(element, 'Name')) ?? token,
        service,
        ...readEncoder(encoder, service),
        videoSource: plainLine(findText(parent, `VideoSource${suffix}`, 'SourceToken')),
        sourceConfiguration: attributeOf(find(parent, `VideoSource${suffix}`), 'token'),
        hasSound: find(parent, `AudioEncoder${suffix}`) !== undefined,
        ptz: readPtz(find(parent, `PTZ${suffix}`)),
      };
}

type EncoderSettings = Omit<
  CameraProfile,
  'token' | 'name' | 'service' | 'videoSource' | 'sourceConfiguration' | 'hasSound' | 'ptz'
>;

/** VideoEncoderConfiguration, or VideoEncoder2Configuration, which has its GOP settings as attributes. */
function readEncoder(encoder: XmlElement, service: CameraProfile['service']): EncoderSettings {
  const is2 = service === 'media2';
  const codec = find(encoder, 'H264') ?? find(encoder, 'MPEG4');
  return {
    width: positive(findNumber(encoder, 'Resolution', 'Width')),
    height: positive(findNumber(encoder, 'Resolution', 'Height')),
    fps: positive(findNumber(encoder, 'RateControl', 'FrameRateLimit')),
    codec: codecOf(findText(encoder, 'Encoding')),
    bitrateKbps: positive(findNumber(encoder, 'RateControl', 'BitrateLimit')),
    groupFrames: positive(is2 ? Number(attributeOf(encoder, 'GovLength')) : findNumber(codec, 'GovLength')),
    codecProfile: is2
      ? attributeOf(encoder, 'Profile')
      : plainLine(findText(codec, 'H264Profile') ?? findText(codec, 'Mpeg4Profile')),
    anchorFrames: is2 ? positive(Number(attributeOf(encoder, 'AnchorFrameDistance'))) : undefined,
    encoder: attributeOf(encoder, 'token'),
    encoderName: plainLine(findText(encoder, 'Name')),
  };
}

function readPtz(element: XmlElement | undefined): PtzConfiguration | undefined {
  if (!element) {
    return undefined;
  }
  const has = (axis: string): boolean =>
    ['Continuous', 'Absolute', 'Relative'].some((kind) =>
      elements(element).some(({ name }) => new RegExp(`Default${kind}${axis}`).test(name)),
    );
  const [hasPanTilt, hasZoom] = [has('PanTilt'), has('Zoom')];
  const isKnown = hasPanTilt || hasZoom;
  return {
    token: attributeOf(element, 'token'),
    node: plainLine(findText(element, 'NodeToken')),
    hasPanTilt: isKnown ? hasPanTilt : undefined,
    hasZoom: isKnown ? hasZoom : undefined,
  };
}

/** The usual name of a codec. Cameras write `H264`, `H.264`, `video/H265`, `HEVC`. */
export function codecOf(text: string | undefined): string | undefined {
  const name = plainLine(text)?.slice(0, 32);
  const plain = name?.toUpperCase().replace(/^VIDEO\/|[.\s-]/g, '') ?? '';
  const known = [/^(?:H264|AVC)/, /^(?:H265|HEVC)/, /^(?:M?JPEG)/, /^MPEG4/].findIndex((one) => one.test(plain));
  return ['H264', 'H265', 'JPEG', 'MPEG4'][known] ?? name;
}

/** @param service that has sent the encoder */
export function mergeEncoders(
  profile: CameraProfile,
  encoder: XmlElement | undefined,
  service: CameraProfile['service'],
): CameraProfile {
  if (!encoder) {
    return profile;
  }
  const stated = Object.entries(profile).filter(([, value]) => value !== undefined);
  return { ...profile, ...readEncoder(encoder, service), ...Object.fromEntries(stated) };
}

const positive = (value = 0): number | undefined => (value > 0 && Number.isFinite(value) ? value : undefined);

export type PreferredCodec = 'h264' | 'h265';

/** Preferred size of a sub stream: it suits a grid of cameras, and a phone's connection. */
const SUB_WIDTH = 640;
const SUB_HEIGHT = 360;
/** Another codec than the preferred one weighs as much as this factor in size. */
const OTHER_CODEC_FACTOR = 2;

/** 0 if the profile does not state its size. */
export const pixelsOf = ({ width = 0, height = 0 }: Pick<CameraProfile, 'width' | 'height'>): number => width * height;

/**
 * Main: the most pixels; the preferred codec unless it costs more than half of them. Sub: smaller than main, at most 720p, nearest to
 * 640x360. JPEG and MPEG-4 only if there is nothing else.
 */
export function chooseProfiles<P extends Pick<CameraProfile, 'width' | 'height' | 'codec'>>(
  profiles: readonly P[],
  prefers: PreferredCodec = 'h264',
): { readonly main: P | undefined; readonly sub: P | undefined } {
  const modern = profiles.filter(({ codec }) => codec === undefined || codec === 'H264' || codec === 'H265');
  const able = modern.length > 0 ? modern : profiles;
  const isPreferred = (profile: P): boolean => profile.codec?.toLowerCase() === prefers;
  const worth = (profile: P): number => pixelsOf(profile) * (isPreferred(profile) ? OTHER_CODEC_FACTOR : 1);
  const main = able.toSorted((a, b) => worth(b) - worth(a) || Number(isPreferred(b)) - Number(isPreferred(a)))[0];
  const distance = (profile: P): number =>
    Math.abs(Math.log(pixelsOf(profile) / (SUB_WIDTH * SUB_HEIGHT))) +
    (isPreferred(profile) ? 0 : Math.log(OTHER_CODEC_FACTOR));
  const smaller = able.filter((profile) => {
    const pixels = pixelsOf(profile);
    // 720p: a sub stream is not larger.
    return main && pixels > 0 && pixels < pixelsOf(main) && pixels <= 1280 * 720;
  });
  return { main, sub: smaller.toSorted((a, b) => distance(a) - distance(b))[0] };
}
