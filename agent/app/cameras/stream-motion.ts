import { randomUUID } from 'node:crypto';
import { explain, unlessExpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import type { CameraMotion } from '../../http/api/cameras/motion.ts';
import type { MotionArea } from '../../media/motion/region-detector.ts';
import { TrackMotion } from '../../media/motion/track-motion.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import type { NewEvent } from '../../record/events/event-hub.ts';
import { FILE_DELAY_MS, type Reader, type Stream } from '../../stream/stream.ts';
import { isSubStream, subOf } from './path-entries.ts';

const TICKS_PER_MS = 90;

interface StreamMotionOptions {
  readonly config: () => Config;
  /** Saved, and in force soon. */
  readonly savedConfig: () => Config;
  readonly log: Logger;
  readonly events: { add(event: NewEvent): Promise<CameraEvent> };
  readonly paths: { openStreams(): Iterable<readonly [name: string, stream: Stream]> };
}

/** Detects motion in the streams of paths with `motionSource: stream` or `both`. The small stream of a camera is enough. */
export class StreamMotion {
  readonly #options: StreamMotionOptions;
  /** By path of the camera. */
  readonly #watched = new Map<string, WatchedStream>();

  constructor(options: StreamMotionOptions) {
    this.#options = options;
  }

  /** Call when the configuration has changed, or a stream has opened or ended. */
  apply(): void {
    const streams = new Map([...this.#options.paths.openStreams()].filter(([, { isClosed }]) => !isClosed));
    for (const [path, watched] of this.#watched) {
      if (this.#choose(path, streams)?.stream !== watched.stream) {
        this.#watched.delete(path);
        watched.close();
      }
    }
    for (const path of streams.keys()) {
      const chosen = this.#choose(path, streams);
      const watched = this.#watched.get(path) ?? (chosen && this.#watch(path, chosen.name, chosen.stream));
      if (watched && chosen) {
        watched.sensitivity = chosen.settings.motionSensitivity;
        this.#watched.set(path, watched);
      }
    }
  }

  /** How much moves now; undefined: there is no such path, or its motion comes from the camera alone. */
  of(path: string): CameraMotion | undefined {
    const watched = this.#watched.get(path);
    if (watched) {
      const { score, isMoving } = watched;
      return { stream: watched.name, score: Math.round(score * 100) / 100, moving: isMoving };
    }
    return detects(path, this.#options.savedConfig()) ? { stream: null, score: 0, moving: false } : undefined;
  }

  close(): void {
    for (const watched of this.#watched.values()) {
      watched.close();
    }
    this.#watched.clear();
  }

  /** The stream to look at: that of the sub stream while it is always pulled. */
  #choose(path: string, streams: ReadonlyMap<string, Stream>) {
    const config = this.#options.config();
    const settings = detects(path, config);
    if (!settings) {
      return undefined;
    }
    const sub = subOf(path, config)?.name;
    const small = sub === undefined ? undefined : streams.get(sub);
    const stream = small && !small.isOnDemand ? small : streams.get(path);
    return stream && { name: stream === small && sub !== undefined ? sub : path, stream, settings };
  }

  #watch(path: string, name: string, stream: Stream): WatchedStream | undefined {
    const track = stream.tracks.findIndex(({ kind }) => kind === 'video');
    const description = stream.tracks[track];
    if (description?.codec !== 'h264' && description?.codec !== 'h265') {
      return undefined;
    }
    return new WatchedStream({
      ...{ name, stream, track },
      ended: () => this.apply(),
      report: (turn) => this.#report(path, turn),
    });
  }

  /** For the camera's path, and for its sub stream if that records on motion, as the events of a camera. */
  #report(path: string, { isMoving, id, wallMs, area }: Turn): void {
    const { config, events, log } = this.#options;
    const sub = subOf(path, config());
    const time = Math.round(wallMs * 1000);
    const state = isMoving ? ({ state: 'start', startUs: time } as const) : ({ state: 'end', endUs: time } as const);
    for (const one of sub && records(sub.settings) ? [path, sub.name] : [path]) {
      events.add({ path: one, type: 'motion', source: 'stream', id, area, ...state }).catch((error: unknown) => {
        log.debug({ path: one, reason: explain(error) }, 'event of a stream rejected');
      });
    }
  }
}

/** @returns its settings; undefined: no motion is detected in streams of this path */
function detects(path: string, config: Config): PathSettings | undefined {
  const settings = resolvePath(config, path)?.settings;
  return settings?.motionSource === 'camera' || isSubStream(path, config) ? undefined : settings;
}

const records = ({ record }: PathSettings): boolean => record === 'motion';

interface WatchedStreamOptions {
  readonly name: string;
  readonly stream: Stream;
  /** Of the pictures. */
  readonly track: number;
  /** The stream has ended. */
  ended(): void;
  report(turn: Turn): void;
}

/** Motion begins or ends. */
interface Turn {
  readonly isMoving: boolean;
  /** Of the event. */
  readonly id: string;
  readonly wallMs: number;
  readonly area: MotionArea | undefined;
}

/** A stream whose motion is detected. */
class WatchedStream implements Reader {
  readonly id = 'motion';
  readonly countsHolds = true;
  readonly toleratedDelayMs = FILE_DELAY_MS;
  readonly name: string;
  readonly stream: Stream;
  readonly #options: WatchedStreamOptions;
  /** Undefined: the parameter sets are invalid. */
  #motion: TrackMotion | undefined;
  #sensitivity = 50;
  #event = '';
  #isReported = false;
  #wallMs = 0;

  constructor(options: WatchedStreamOptions) {
    this.name = options.name;
    this.stream = options.stream;
    this.#options = options;
    const description = options.stream.tracks[options.track];
    if (description) {
      this.onTrack(options.track, description);
    }
    options.stream.addReader(this, false);
  }

  get score(): number {
    return this.#motion?.score ?? 0;
  }

  get isMoving(): boolean {
    return this.#isReported;
  }

  set sensitivity(sensitivity: number) {
    this.#sensitivity = sensitivity;
    if (this.#motion) {
      this.#motion.sensitivity = sensitivity;
    }
  }

  onTrack(track: number, description: Track): void {
    if (track === this.#options.track && (description.codec === 'h264' || description.codec === 'h265')) {
      this.#rest();
      this.#motion = unlessExpected(() => new TrackMotion(description));
      this.sensitivity = this.#sensitivity;
    }
  }

  onSample(track: number, { data, dts, wall }: Sample): void {
    const motion = this.#motion;
    if (track !== this.#options.track || !motion) {
      return;
    }
    this.#wallMs = wall;
    if (motion.add(data, dts / TICKS_PER_MS)) {
      this.#turn(motion.isMoving, wall);
    }
  }

  onEnd(): void {
    this.#rest();
    this.#options.ended();
  }

  close(): void {
    this.stream.removeReader(this);
    this.#rest();
  }

  #turn(isMoving: boolean, wallMs: number): void {
    if (isMoving) {
      this.#event = randomUUID();
    }
    this.#isReported = isMoving;
    this.#options.report({ isMoving, id: this.#event, wallMs, area: this.#motion?.area });
  }

  /** Ends an event together with the stream. */
  #rest(): void {
    if (this.#isReported) {
      this.#turn(false, this.#wallMs);
    }
  }
}
