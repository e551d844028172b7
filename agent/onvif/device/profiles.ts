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

/** A media profile with video; cameras omit what they like. */
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
  /** Frames between key frames. */
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
  readonly hasSound: boolean;
  readonly ptz: PtzConfiguration | undefined;
}

/** A recorder may list hundreds. */
const MAX_PROFILES = 64;

/** Profiles with video, in the camera's order: GetProfilesResponse of Media 1 (`trt`) or Media 2 (`tr2`). */
export function readProfiles(response: XmlElement, service: CameraProfile['service']): CameraProfile[] {
  const all = elements(response, 'Profiles').slice(0, MAX_PROFILES);
  const read = service === 'media' ? readProfile1 : readProfile2;
  const seen = new Set<string>();
  return all.flatMap((element) => {
    const profile = read(element);
    if (!profile || seen.has(profile.token)) {
      return [];
    }
    seen.add(profile.token);
    return [profile];
  });
}

/** ONVIF Media §5.2.1. Undefined without a video encoder (audio or metadata only). */
function readProfile1(element: XmlElement): CameraProfile | undefined {
  const encoder = find(element, 'VideoEncoderConfiguration');
  const token = attributeOf(element, 'token');
  return token === undefined || !encoder
    ? undefined
    : {
        token,
        name: plainLine(findText(element, 'Name')) ?? token,
        service: 'media',
        ...readEncoder(encoder, 'media'),
        videoSource: plainLine(findText(element, 'VideoSourceConfiguration', 'SourceToken')),
        hasSound: find(element, 'AudioEncoderConfiguration') !== undefined,
        ptz: readPtz(find(element, 'PTZConfiguration')),
      };
}

/** ONVIF Media 2 §5.2.1. */
function readProfile2(element: XmlElement): CameraProfile | undefined {
  const all = find(element, 'Configurations');
  const encoder = find(all, 'VideoEncoder');
  const token = attributeOf(element, 'token');
  return token === undefined || !encoder
    ? undefined
    : {
        token,
        name: plainLine(findText(element, 'Name')) ?? token,
        service: 'media2',
        ...readEncoder(encoder, 'media2'),
        videoSource: plainLine(findText(all, 'VideoSource', 'SourceToken')),
        hasSound: find(all, 'AudioEncoder') !== undefined,
        ptz: readPtz(find(all, 'PTZ')),
      };
}

type EncoderSettings = Omit<CameraProfile, 'token' | 'name' | 'service' | 'videoSource' | 'hasSound' | 'ptz'>;

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
    groupFrames: positive(is2 ? numberIn(encoder, 'GovLength') : findNumber(codec, 'GovLength')),
    codecProfile: is2
      ? attributeOf(encoder, 'Profile')
      : plainLine(findText(codec, 'H264Profile') ?? findText(codec, 'Mpeg4Profile')),
    anchorFrames: is2 ? positive(numberIn(encoder, 'AnchorFrameDistance')) : undefined,
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

/** Cameras write `H264`, `H.264`, `video/H265`, `HEVC`. */
function codecOf(text: string | undefined): string | undefined {
  const name = plainLine(text)?.slice(0, 32);
  const plain =
    name
      ?.toUpperCase()
      .replace(/^VIDEO\//, '')
      .replace(/[.\s-]/g, '') ?? '';
  const known = [/^(?:H264|AVC)/, /^(?:H265|HEVC)/, /^(?:M?JPEG)/, /^MPEG4/].findIndex((one) => one.test(plain));
  return ['H264', 'H265', 'JPEG', 'MPEG4'][known] ?? name;
}

function numberIn(element: XmlElement | undefined, name: string): number | undefined {
  const text = attributeOf(element, name);
  const value = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Completes a profile from its encoder configuration. */
export function mergeEncoders(profile: CameraProfile, encoder: XmlElement | undefined): CameraProfile {
  if (!encoder) {
    return profile;
  }
  const read = readEncoder(encoder, profile.service);
  return {
    ...profile,
    width: profile.width ?? read.width,
    height: profile.height ?? read.height,
    fps: profile.fps ?? read.fps,
    codec: profile.codec ?? read.codec,
    bitrateKbps: profile.bitrateKbps ?? read.bitrateKbps,
    groupFrames: profile.groupFrames ?? read.groupFrames,
    codecProfile: profile.codecProfile ?? read.codecProfile,
    anchorFrames: profile.anchorFrames ?? read.anchorFrames,
    encoderName: profile.encoderName ?? read.encoderName,
  };
}

const positive = (value: number | undefined): number | undefined =>
  value !== undefined && value > 0 ? value : undefined;
