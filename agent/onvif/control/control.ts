/** How fast, each from -1 to 1; axes that are left out stand still. */
export interface Velocity {
  /** To the right. */
  readonly pan?: number | undefined;
  /** Up. */
  readonly tilt?: number | undefined;
  /** In. */
  readonly zoom?: number | undefined;
}

export interface Preset {
  readonly token: string;
  /** A claim of the camera: one line, to be escaped where shown. */
  readonly name: string;
}

export interface PtzAbilities {
  readonly hasPanTilt: boolean;
  readonly hasZoom: boolean;
  /** Undefined: the camera does not tell. */
  readonly hasHome: boolean | undefined;
  readonly mostPresets: number | undefined;
}

/** A camera that can be turned. Everything rejects with PerchError in words for a person, `notSupported` in `context.camera` among them. */
export interface Ptz {
  abilities(): Promise<PtzAbilities>;
  /**
   * Moves, for `DEAD_MAN_MS` at most: to be called again within that time for as long as it is to go on, or the camera is stopped.
   * All zero is a stop.
   */
  move(velocity: Velocity): Promise<void>;
  stop(): Promise<void>;
  presets(): Promise<readonly Preset[]>;
  goToPreset(token: string): Promise<void>;
  /** Of where the camera looks now. @param token of the one to be replaced @returns the token */
  setPreset(name: string, token?: string): Promise<string>;
  removePreset(token: string): Promise<void>;
  goHome(): Promise<void>;
}

/** So long a move goes on that nobody renews. */
export const DEAD_MAN_MS = 2_000;

export interface CameraClock {
  /** The camera's clock minus ours. */
  readonly skewMs: number;
  /** `Manual`, `NTP`, or what the camera calls it. */
  readonly source: string | undefined;
  /** The time server that the camera asks, as far as it tells. */
  readonly ntpServer: string | undefined;
}

export interface EncoderSettings {
  /** Frames from one key frame to the next. */
  readonly groupFrames: number | undefined;
  readonly fps: number | undefined;
  readonly bitrateKbps: number | undefined;
}

/** What is so now, and what would be better; nothing is changed by asking. */
export interface EncoderAdvice {
  readonly profile: string;
  readonly now: EncoderSettings;
  /** Undefined: it is well as it is. */
  readonly better: Partial<EncoderSettings> | undefined;
  /** Undefined: nothing hurts. */
  readonly words: string | undefined;
}

export interface EncoderChange {
  readonly profile: string;
  readonly before: EncoderSettings;
  /** As the camera tells when it is asked again. */
  readonly after: EncoderSettings;
  /** The camera does what was asked for: not all that say yes do. */
  readonly isDone: boolean;
}

/** What can be done to one camera beside watching it. Everything rejects with PerchError in words for a person. */
export interface CameraControl {
  readonly ptz: Ptz;
  /** Resolves when the camera has taken it: it is gone for 30 to 90 s then. */
  reboot(): Promise<void>;
  clock(): Promise<CameraClock>;
  /** To this machine's time. @returns how it stands then */
  setClock(): Promise<CameraClock>;
  /** @param host name or address of a time server; Perch itself is none */
  setNtp(host: string): Promise<CameraClock>;
  /** Of the path's own profile. */
  encoder(): Promise<EncoderAdvice>;
  setEncoder(wanted: Partial<EncoderSettings>): Promise<EncoderChange>;
}

/** What the API needs: the control of the camera that a path names; undefined when it names none. */
export interface CameraControls {
  control(path: string): CameraControl | undefined;
}
