import type { MqttEvent } from './camera-states.ts';
import type { CommandTarget } from './commands.ts';

/** A camera at present. */
export interface MqttCamera {
  readonly path: string;
  readonly name: string;
  readonly hasPicture: boolean;
  readonly isOnline: boolean;
  /** By its settings. */
  readonly isRecording: boolean;
}

export interface MqttDeviceState {
  /** Load of all processors, in percent. */
  readonly cpu: number;
  /** Used part of the fullest recording disk, in percent; null: not known. */
  readonly disk: number | null;
  /** In °C; null: no sensor. */
  readonly temperature: number | null;
  /** The newest known version of Perch. */
  readonly newest: string;
}

/** Contents for the broker, and commands of its clients. */
export interface MqttSource extends CommandTarget {
  readonly version: string;
  /** Of the box, for people. */
  readonly name: string;
  cameras(): readonly MqttCamera[];
  device(): Promise<MqttDeviceState>;
  /** The present picture as JPEG. @throws PerchError if there is none */
  picture(path: string): Promise<Uint8Array>;
  /** Names of the PTZ presets. @throws PerchError without PTZ */
  presets(path: string): Promise<readonly string[]>;
  /** @returns the unsubscribe function */
  onEvent(listener: (event: MqttEvent) => void): () => void;
  /** Called when a camera or its settings have changed. @returns the unsubscribe function */
  onChange(listener: () => void): () => void;
  /** Events that had begun before. */
  ongoing(): readonly MqttEvent[];
}
