/** An event of a camera or the box. Times are Unix microseconds. */
export interface CameraEvent {
  /** The event is reported again with the same id when it ends. */
  readonly id: string;
  /** Path of the camera; empty: the event is one of the box. */
  readonly path: string;
  /** One word: `motion`, `person`, `doorbell`, `disk`. */
  readonly type: string;
  readonly startUs: number;
  /** Undefined while it is ongoing. */
  readonly endUs: number | undefined;
  readonly text: string;
  /** Who reported the event. Those of `perch` are its own faults and start no clip. */
  readonly source: EventSource;
  /** Where the motion is, for motion found in a stream. */
  readonly area?: EventArea | undefined;
}

/** A part of the picture, in fractions of its width and height, and the direction in which it moves, or undefined if it stays. */
export interface EventArea {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly direction?: (typeof EVENT_DIRECTIONS)[number] | undefined;
}

export const EVENT_DIRECTIONS = ['left', 'right', 'up', 'down'] as const;

export type EventSource = 'api' | 'camera' | 'stream' | 'perch';

/** Called synchronously when an event starts, and again when it ends or changes. */
export type EventListener = (event: CameraEvent) => void;

export interface EventFeed {
  /** @returns a function that unsubscribes */
  listen(listener: EventListener): () => void;
  running(path: string): readonly CameraEvent[];
}
