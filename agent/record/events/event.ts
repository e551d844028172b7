/** Something that happened in front of a camera, or to the machine. Times are Unix microseconds. */
export interface CameraEvent {
  /** Told again with the same id when it has ended. */
  readonly id: string;
  /** Empty: of the machine, not of one camera. */
  readonly path: string;
  /** One word: `motion`, `person`, `doorbell`, `disk`. */
  readonly type: string;
  readonly startUs: number;
  /** Undefined while it lasts. */
  readonly endUs: number | undefined;
  readonly text: string;
  /** Who noticed: somebody outside, the camera, or Perch itself, whose own troubles make no clip. */
  readonly source: EventSource;
}

export type EventSource = 'api' | 'camera' | 'perch';

/** Told of each event when it begins, and again when it has ended or changed. Called synchronously. */
export type EventListener = (event: CameraEvent) => void;

/** What recorders need of events. */
export interface EventFeed {
  /** @returns what ends it */
  listen(listener: EventListener): () => void;
  /** Events of a path that have begun and not ended. */
  running(path: string): readonly CameraEvent[];
}
