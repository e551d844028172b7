import type { LabelType } from '../../base/event-kinds.ts';

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
  /** What was found in its pictures. Undefined: it was not examined; []: nothing was found so far. */
  readonly labels?: readonly EventLabel[] | undefined;
  /** Names of the zones of the picture in which it has been so far, sorted; undefined: none is known. */
  readonly zones?: readonly string[] | undefined;
}

/** An object in a picture of an event. */
export interface EventLabel {
  readonly type: LabelType;
  /** From 0 to 1. */
  readonly score: number;
  /** In fractions of the picture's width and height. */
  readonly box: LabelBox;
  /** Time of the picture in Unix microseconds. */
  readonly at: number;
  /** Names of the zones in which it stands; undefined: not known, as in events of earlier releases. */
  readonly zones?: readonly string[] | undefined;
}

export interface LabelBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A part of the picture, in fractions of its width and height, and the direction in which it moves, or undefined if it stays. */
export interface EventArea {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly direction?: (typeof EVENT_DIRECTIONS)[number] | undefined;
  /** When most of it moved so far, Unix microseconds. */
  readonly at?: number | undefined;
}

export const EVENT_DIRECTIONS = ['left', 'right', 'up', 'down'] as const;

export type EventSource = 'api' | 'camera' | 'stream' | 'perch';

/**
 * Called synchronously when an event starts, and again when it ends or changes. An event that has ended may still get labels.
 * @param known the event as it was reported before; undefined: it is new
 */
export type EventListener = (event: CameraEvent, known?: CameraEvent) => void;

export interface EventFeed {
  /** @returns a function that unsubscribes */
  listen(listener: EventListener): () => void;
  running(path: string): readonly CameraEvent[];
}
