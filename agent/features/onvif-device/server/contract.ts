import type { XmlElement } from '@rgrove/parse-xml';
import type { EventKind } from '../../../base/event-kinds.ts';

/** `main` and `sub` are also the tokens of the profiles. */
export type StreamToken = 'main' | 'sub';

export interface OfferedCamera {
  readonly path: string;
  readonly name: string;
  /** The main stream first. */
  readonly streams: readonly { readonly token: StreamToken; readonly path: string }[];
}

/** Properties of a stream; undefined values are not known before it has run. */
export interface StreamFacts {
  /** Video codec by its name in SDP: `H264`, `H265`, `JPEG`. */
  readonly video: string | undefined;
  /** Profile of H.264 or H.265: `Baseline`, `Main`, `High`, `Main10`. */
  readonly codecProfile: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Pictures per second, as signalled, else measured. */
  readonly fps: number | undefined;
  /** Largest measured number of pictures from one key frame to the next. */
  readonly groupFrames: number | undefined;
  /** Measured bitrate of all tracks together. */
  readonly bitrateKbps: number | undefined;
  /** Audio codec: `PCMU`, `PCMA`, `AAC`, …, or undefined without audio. */
  readonly audio: string | undefined;
  readonly audioRateHz: number | undefined;
  readonly audioChannels: number | undefined;
}

/** A detection of a camera. */
export interface CameraDetection {
  readonly id: string;
  readonly path: string;
  /** `motion`, `person`, `vehicle`, `doorbell`, …: of the event and its labels. */
  readonly kinds: readonly EventKind[];
  /** Those with which it was over when it was reported before. */
  readonly formerKinds?: readonly EventKind[];
  readonly startMs: number;
  /** Undefined: the detection is ongoing. */
  readonly endMs: number | undefined;
}

interface Preset {
  readonly token: string;
  readonly name: string;
}

interface PtzAbilities {
  readonly hasPanTilt: boolean;
  readonly hasZoom: boolean;
  readonly hasHome: boolean;
  /** It moves to a position. */
  readonly hasAbsolute: boolean;
  readonly maxPresets: number;
}

/** In generic spaces: pan and tilt from -1 to 1, to the right and up; zoom from 0 to 1. */
export type GenericPosition<Missing> = Readonly<Record<'pan' | 'tilt' | 'zoom', number | Missing>>;

/** PTZ of the cameras. All methods reject with PerchError. */
export interface CameraPtz {
  abilities(path: string): Promise<PtzAbilities>;
  /** Moves the camera for two seconds, unless the call is repeated. */
  move(
    path: string,
    velocity: { readonly pan?: number; readonly tilt?: number; readonly zoom?: number },
  ): Promise<void>;
  stop(path: string): Promise<void>;
  presets(path: string): Promise<readonly Preset[]>;
  goToPreset(path: string, token: string): Promise<void>;
  goHome(path: string): Promise<void>;
  /** Null: the camera does not report the axis. */
  position(path: string): Promise<GenericPosition<null>>;
  /** Absent axes stay. */
  moveTo(path: string, position: Partial<GenericPosition<never>>): Promise<void>;
}

/** What this Perch offers to recorders. */
export interface OnvifSource {
  readonly version: string;
  cameras(): readonly OfferedCamera[];
  facts(path: string): StreamFacts;
  /** Whether the camera is private in the present mode: it stays listed, without pictures and events. */
  isPrivate(path: string): boolean;
  /** Port, security and configured transports of the RTSP server. */
  rtsp(): { readonly port: number; readonly isSecure: boolean; readonly transports: readonly string[] };
  hasPicture(path: string): boolean;
  /** The present picture as JPEG. @throws PerchError */
  picture(path: string): Promise<Uint8Array>;
  readonly ptz: CameraPtz;
  onEvent(listener: (news: CameraDetection) => void): () => void;
  ongoing(path: string): readonly CameraDetection[];
  /** Called when the list of cameras may have changed. */
  onChange(listener: () => void): () => void;
}

/** A device password. */
export interface OnvifLogin {
  readonly user: string;
  /** Whether this login may use ONVIF for the path. */
  may(path: string): boolean;
  /** Whether it may also play the recordings of the path. */
  mayPlay(path: string): boolean;
  isRight(proves: (password: string) => boolean): boolean;
}

/** One request of a logged-in client, or a request for an operation that needs no login. */
export interface Call {
  readonly camera: OfferedCamera;
  readonly body: XmlElement;
  /** Origin at which the client has reached this box: `http://192.168.1.5:8600`. */
  readonly origin: string;
  /** Host of the origin; an IPv6 address has no brackets. */
  readonly host: string;
  /** Id of the subscription, from the URL of the request, or undefined if the URL has none. */
  readonly subscription: string | undefined;
  /** Name of the login, or undefined if the operation needs none. */
  readonly user: string | undefined;
  /** @throws PerchError a fault if the login may not play the camera's recordings; its owner can see it */
  requirePlayback(): void;
  /** Canonical IP address of the client, or undefined if the request may have come through a proxy. */
  readonly ip: string | undefined;
  /** Aborts when the client closes the connection. */
  readonly signal: AbortSignal;
}

interface Operation {
  /** The operation needs no login: access class PRE_AUTH (ONVIF Core §5.9.4.3). */
  readonly isOpen?: true;
  /** @returns the content of the body @throws PerchError with `codes` for a fault */
  answer(call: Call): string | Promise<string>;
}

/** Operations by prefix and name: `tds:GetServices`. */
export type Operations = Readonly<Record<string, Operation>>;

export const SERVICES = {
  device: { path: '/onvif/device_service', namespace: 'http://www.onvif.org/ver10/device/wsdl', version: [22, 12] },
  media: { path: '/onvif/media_service', namespace: 'http://www.onvif.org/ver10/media/wsdl', version: [22, 12] },
  media2: { path: '/onvif/media2_service', namespace: 'http://www.onvif.org/ver20/media/wsdl', version: [22, 12] },
  events: { path: '/onvif/event_service', namespace: 'http://www.onvif.org/ver10/events/wsdl', version: [22, 12] },
  recording: {
    path: '/onvif/recording_service',
    namespace: 'http://www.onvif.org/ver10/recording/wsdl',
    version: [22, 12],
  },
  search: { path: '/onvif/search_service', namespace: 'http://www.onvif.org/ver10/search/wsdl', version: [22, 12] },
  replay: { path: '/onvif/replay_service', namespace: 'http://www.onvif.org/ver10/replay/wsdl', version: [22, 12] },
  ptz: { path: '/onvif/ptz_service', namespace: 'http://www.onvif.org/ver20/ptz/wsdl', version: [22, 12] },
} as const;
