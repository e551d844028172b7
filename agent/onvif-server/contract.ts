import type { XmlElement } from '@rgrove/parse-xml';

/** `main` and `sub` are also the tokens of the profiles. */
export type StreamToken = 'main' | 'sub';

export interface OfferedCamera {
  readonly path: string;
  readonly name: string;
  /** The main stream first. */
  readonly streams: readonly { readonly token: StreamToken; readonly path: string }[];
}

/** What a stream has; undefined values are not known before it has run. */
export interface StreamFacts {
  /** As in SDP: `H264`, `H265`, `JPEG`. */
  readonly video: string | undefined;
  /** `Baseline`, `Main`, `High`, `Main10`: of H.264 and H.265. */
  readonly codecProfile: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Pictures a second: as signalled, else measured. */
  readonly fps: number | undefined;
  /** Pictures from one key frame to the next, at most. Measured. */
  readonly groupFrames: number | undefined;
  /** Of all tracks. Measured. */
  readonly bitrateKbps: number | undefined;
  /** `PCMU`, `PCMA`, `AAC`, …; undefined without sound. */
  readonly audio: string | undefined;
  readonly audioRateHz: number | undefined;
  readonly audioChannels: number | undefined;
}

/** A detection of a camera. */
export interface CameraDetection {
  readonly id: string;
  readonly path: string;
  /** `motion`, `person`, `vehicle`, `doorbell`, … */
  readonly type: string;
  readonly startMs: number;
  /** Undefined: ongoing. */
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
  readonly maxPresets: number;
}

/** Movements of a camera; reject with PerchError. */
export interface CameraPtz {
  abilities(path: string): Promise<PtzAbilities>;
  /** For two seconds, unless it is repeated. */
  move(
    path: string,
    velocity: { readonly pan?: number; readonly tilt?: number; readonly zoom?: number },
  ): Promise<void>;
  stop(path: string): Promise<void>;
  presets(path: string): Promise<readonly Preset[]>;
  goToPreset(path: string, token: string): Promise<void>;
  goHome(path: string): Promise<void>;
}

/** What this Perch offers. */
export interface OnvifSource {
  readonly version: string;
  cameras(): readonly OfferedCamera[];
  facts(path: string): StreamFacts;
  /** The camera is private in the present mode: it stays listed, without pictures and events. */
  isPrivate(path: string): boolean;
  /** The RTSP server: transports as in its configuration. */
  rtsp(): { readonly port: number; readonly isSecure: boolean; readonly transports: readonly string[] };
  hasPicture(path: string): boolean;
  /** A JPEG. @throws PerchError */
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
  /** Whether it may use ONVIF for this path. */
  may(path: string): boolean;
  isRight(proves: (password: string) => boolean): boolean;
}

/** One request of a logged-in client, or an operation without a login. */
export interface Call {
  readonly camera: OfferedCamera;
  readonly body: XmlElement;
  /** `http://192.168.1.5:8600`, as the client has reached this box. */
  readonly origin: string;
  /** Without brackets. */
  readonly host: string;
  /** Of the address of a pull point. */
  readonly subscription: string | undefined;
  /** Undefined without a login. */
  readonly user: string | undefined;
  /** Of the client, canonical; undefined: a proxy may be between. */
  readonly ip: string | undefined;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

export interface Operation {
  /** Needs no login: PRE_AUTH of ONVIF Core §5.9.4.2. */
  readonly isOpen?: true;
  /** @returns the content of the body @throws PerchError with `codes` for a fault */
  answer(call: Call): string | Promise<string>;
}

/** By prefix and name: `tds:GetServices`. */
export type Operations = Readonly<Record<string, Operation>>;

export const SERVICES = {
  device: { path: '/onvif/device_service', namespace: 'http://www.onvif.org/ver10/device/wsdl', version: [22, 12] },
  media: { path: '/onvif/media_service', namespace: 'http://www.onvif.org/ver10/media/wsdl', version: [22, 12] },
  media2: { path: '/onvif/media2_service', namespace: 'http://www.onvif.org/ver20/media/wsdl', version: [22, 12] },
  events: { path: '/onvif/event_service', namespace: 'http://www.onvif.org/ver10/events/wsdl', version: [22, 12] },
  ptz: { path: '/onvif/ptz_service', namespace: 'http://www.onvif.org/ver20/ptz/wsdl', version: [22, 12] },
} as const;
