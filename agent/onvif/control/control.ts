/** Speeds from -1 to 1 to the right, up and in; an omitted axis stands still. */
export interface Velocity {
  readonly pan?: number | undefined;
  readonly tilt?: number | undefined;
  readonly zoom?: number | undefined;
}

export interface Preset {
  readonly token: string;
  /** From the camera: one line, escape where shown. */
  readonly name: string;
}

export interface PtzAbilities {
  readonly hasPanTilt: boolean;
  readonly hasZoom: boolean;
  /** Undefined: the camera does not say. */
  readonly hasHome: boolean | undefined;
  readonly mostPresets: number | undefined;
}

/** A PTZ camera. All methods reject with PerchError for a person, `notSupported` in `context.camera` among them. */
export interface Ptz {
  abilities(): Promise<PtzAbilities>;
  /** Moves for `MOVE_TIMEOUT_MS`, then stops unless called again. All zero is a stop. */
  move(velocity: Velocity): Promise<void>;
  stop(): Promise<void>;
  presets(): Promise<readonly Preset[]>;
  goToPreset(token: string): Promise<void>;
  /** Saves the current position. @param token of the preset to replace @returns the token */
  setPreset(name: string, token?: string): Promise<string>;
  removePreset(token: string): Promise<void>;
  goHome(): Promise<void>;
}

/** A move that is not renewed ends after this time. */
export const MOVE_TIMEOUT_MS = 2_000;

export interface CameraClock {
  /** The camera's clock minus ours. */
  readonly skewMs: number;
  /** `Manual`, `NTP`, or the camera's own word. */
  readonly source: string | undefined;
  /** The camera's time server, if it names one. */
  readonly ntpServer: string | undefined;
}

export interface EncoderSettings {
  /** Frames between key frames. */
  readonly groupFrames: number | undefined;
  readonly fps: number | undefined;
  readonly bitrateKbps: number | undefined;
}

/** Current settings and a recommendation. */
export interface EncoderAdvice {
  readonly profile: string;
  readonly now: EncoderSettings;
  /** Undefined: no change recommended. */
  readonly better: Partial<EncoderSettings> | undefined;
  /** Reason for the recommendation. */
  readonly words: string | undefined;
}

export interface EncoderChange {
  readonly profile: string;
  readonly before: EncoderSettings;
  /** As read back from the camera. */
  readonly after: EncoderSettings;
  /** The camera applied the change; some accept it without effect. */
  readonly isDone: boolean;
}

/** Control of one camera. All methods reject with PerchError for a person. */
export interface CameraControl {
  readonly ptz: Ptz;
  /** Resolves when the camera has accepted it; it is then away for 30 to 90 s. */
  reboot(): Promise<void>;
  clock(): Promise<CameraClock>;
  /** Sets this machine's time. @returns the clock afterwards */
  setClock(): Promise<CameraClock>;
  /** @param host name or address of a time server; Perch itself is not one */
  setNtp(host: string): Promise<CameraClock>;
  /** Settings of the path's profile. */
  encoder(): Promise<EncoderAdvice>;
  setEncoder(wanted: Partial<EncoderSettings>): Promise<EncoderChange>;
}

export interface CameraControls {
  /** Undefined if the path has no camera. */
  control(path: string): CameraControl | undefined;
}
