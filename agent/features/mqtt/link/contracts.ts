import type { CameraEvent } from '../../../record/events/event.ts';
import type { Readings } from '../../contract.ts';
import type { CommandTarget } from './commands.ts';

/** The present state of a camera. */
export interface MqttCamera {
  readonly path: string;
  readonly name: string;
  readonly hasPicture: boolean;
  readonly isOnline: boolean;
  /** Whether the camera is set to record. */
  readonly isRecording: boolean;
}

/** What is published to the broker, and the commands of its clients. */
export interface MqttSource extends CommandTarget {
  readonly version: string;
  /** Display name of the box. */
  readonly name: string;
  cameras(): readonly MqttCamera[];
  device(): Promise<Readings>;
  /** The present picture as JPEG. @throws PerchError if there is none */
  picture(path: string): Promise<Uint8Array>;
  /** Names of the PTZ presets. @throws PerchError if the camera has no PTZ */
  presets(path: string): Promise<readonly string[]>;
  /** `known` is the event as it was reported before. @returns the unsubscribe function */
  onEvent(listener: (event: CameraEvent, known?: CameraEvent) => void): () => void;
  /** Called when a camera or its settings have changed. @returns the unsubscribe function */
  onChange(listener: () => void): () => void;
  /** Events that have begun and not ended. */
  ongoing(): readonly CameraEvent[];
}
