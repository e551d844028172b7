import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { explain, unlessExpected } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { MINUTE_MS } from '../base/time/units.ts';
import { type Config, resolvePath } from '../config/load/load.ts';
import type { PathSettings } from '../config/schema/path.ts';
import { isWithinHours } from '../config/values/hours.ts';
import { parsePolygon } from '../config/values/polygon.ts';
import type { CameraMotion } from '../http/api/cameras/motion.ts';
import type { MotionArea, MotionRules, MovingBox } from '../media/motion/region-detector.ts';
import { TrackMotion } from '../media/motion/track-motion.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { Track } from '../media/sample/track.ts';
import type { CameraEvent } from '../record/events/event.ts';
import type { NewEvent } from '../record/events/event-hub.ts';
import { toLocalTime } from '../record/file/time-zone.ts';
import { FILE_DELAY_MS, type Reader, type Stream } from '../stream/stream.ts';
import { isSubStream, subOf } from './path-entries.ts';

const TICKS_PER_MS = 90;

interface StreamMotionOptions {
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Hours do not count while the box does not know the time. */
  readonly recordings: { readonly isClockTrusted: boolean };
  readonly config: () => Config;
  /** The saved configuration, which is in force soon. */
  readonly savedConfig: () => Config;
  readonly log: Logger;
  readonly events: { add(event: NewEvent): Promise<CameraEvent> };
  readonly paths: { openStreams(): Iterable<readonly [name: string, stream: Stream]> };
}

/** Detects motion in the streams of paths with `motionSource: stream` or `both`. The small stream of a camera is enough. */
export class StreamMotion {
  readonly #options: StreamMotionOptions;
  /** Watched streams, by path of their camera. */
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
        watched.settings = chosen.settings;
        this.#watched.set(path, watched);
      }
    }
  }

  /** The present motion; undefined: there is no such path, or its motion comes from the camera alone. */
  of(path: string): CameraMotion | undefined {
    const watched = this.#watched.get(path);
    if (watched) {
      const { name: stream, score, isMoving: moving, boxes, isInHours: inHours } = watched;
      return { stream, score: Math.round(score * 100) / 100, moving, inHours, boxes: boxes && [...boxes] };
    }
    const isDetected = detects(path, this.#options.savedConfig()) !== undefined;
    return isDetected ? { stream: null, score: 0, moving: false, inHours: true, boxes: null } : undefined;
  }

  close(): void {
    for (const watched of this.#watched.values()) {
      watched.close();
    }
    this.#watched.clear();
  }

  /** The stream to analyze: the sub stream if that is always pulled, else the main stream. */
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
      name,
      stream,
      track,
      clock: this.#options.clock,
      ended: () => this.apply(),
      report: (turn) => this.#report(path, turn),
      isWithin: (hours) => this.#isWithin(hours),
    });
  }

  #isWithin(hours: string): boolean {
    const { clock, config, recordings } = this.#options;
    const { hour, minute } = toLocalTime(clock.wallMs(), config().timetableZone || undefined);
    return !recordings.isClockTrusted || isWithinHours(hours, 60 * hour + minute);
  }

  /** Reports events for the camera's path, and for its sub stream if that records on motion, as for events from a camera. */
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

/** @returns settings of the path; undefined: no motion is detected in its streams */
function detects(path: string, config: Config): PathSettings | undefined {
  const settings = resolvePath(config, path)?.settings;
  return settings?.motionSource === 'camera' || isSubStream(path, config) ? undefined : settings;
}

const records = ({ record }: PathSettings): boolean => record === 'motion';

interface WatchedStreamOptions {
  readonly name: string;
  readonly stream: Stream;
  /** Number of the video track. */
  readonly track: number;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** The local time is in `hours`, or unknown. */
  isWithin(hours: string): boolean;
  /** The stream has ended. */
  ended(): void;
  report(turn: Turn): void;
}

/** Motion begins or ends. */
interface Turn {
  readonly isMoving: boolean;
  /** Id of the event. */
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
  /** The detector; undefined: the parameter sets are invalid. */
  #motion: TrackMotion | undefined;
  #settings: PathSettings | undefined;
  /** The minute in which `#isInHours` was found. */
  #minute = Number.NaN;
  #isInHours = true;
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

  get boxes(): readonly MovingBox[] | null {
    return this.#motion?.boxes ?? null;
  }

  /** Whether motion counts now. */
  get isInHours(): boolean {
    const minute = Math.floor(this.#options.clock.wallMs() / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#isInHours = this.#options.isWithin(this.#settings?.motionHours ?? '');
    }
    return this.#isInHours;
  }

  set settings(settings: PathSettings) {
    if (settings !== this.#settings) {
      this.#settings = settings;
      this.#minute = Number.NaN;
      this.#setRules();
    }
  }

  onTrack(track: number, description: Track): void {
    if (track === this.#options.track && (description.codec === 'h264' || description.codec === 'h265')) {
      this.#rest();
      this.#motion = unlessExpected(() => new TrackMotion(description));
      this.#setRules();
    }
  }

  onSample(track: number, { data, dts, wall }: Sample): void {
    const motion = this.#motion;
    if (track !== this.#options.track || !motion) {
      return;
    }
    this.#wallMs = wall;
    motion.add(data, dts / TICKS_PER_MS);
    const isMoving = motion.isMoving && this.isInHours;
    if (isMoving !== this.#isReported) {
      this.#turn(isMoving, wall);
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

  #setRules(): void {
    if (this.#motion && this.#settings) {
      this.#motion.rules = rulesOf(this.#settings);
    }
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

const rulesOf = (settings: PathSettings): MotionRules => ({
  sensitivity: settings.motionSensitivity,
  zones: settings.motionZones.map(parsePolygon),
  masks: settings.motionMasks.map(parsePolygon),
  minSize: settings.motionMinSize,
});
