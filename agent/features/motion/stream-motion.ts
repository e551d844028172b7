import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { MINUTE_MS } from '../../base/time/units.ts';
import { isSubStream, subOf } from '../../cameras/path-entries.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { isWithinHours } from '../../config/values/hours.ts';
import { parsePolygon } from '../../config/values/polygon.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { NalTrack, Track } from '../../media/sample/track.ts';
import { loadLate } from '../../protocols/late.ts';
import { toLocalTime } from '../../record/file/time-zone.ts';
import { FILE_DELAY_MS, type Reader, type Stream } from '../../stream/stream.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import type { MotionArea, MotionRules, MovingBox } from './detection/region-detector.ts';
import type { TrackMotion } from './detection/track-motion.ts';
import { MOTION } from './keys.ts';
import type { MovedSeconds } from './moments/moved-seconds.ts';
import type { CameraMotion } from './routes.ts';

const TICKS_PER_MS = 90;
const ADVICE = 'choose another codec or profile in the camera, or motionSource: camera';
const UNREADABLE = `no motion is detected in its video; ${ADVICE}`;
const NO_BLOCKS = `motion is detected in whole pictures only, without zones, masks and smallest size; ${ADVICE}`;

type MotionHost = Pick<Host, 'clock' | 'config' | 'settings' | 'log' | 'paths' | 'recordings'>;
interface Moments {
  open(path: string): WatchedStreamOptions['seconds'];
}
type MotionSettings = ReturnType<typeof settingsOf>;

/** Detects motion in the streams of paths with `motionSource: stream` or `both`. The small stream of a camera is enough. */
export class StreamMotion {
  readonly #host: MotionHost;
  readonly #loadMoments: () => Promise<Moments>;
  /** Watched streams, by path of their camera. */
  readonly #watched = new Map<string, WatchedStream>();
  /** By path of the camera: a reconnect neither logs a failure again nor changes its time. */
  readonly #failures = new Map<string, { readonly reason: string; readonly since: string }>();
  #loading: Promise<void> | undefined;
  /** Undefined until it is loaded, which the first stream causes. */
  #loaded: { readonly makeDetector: (track: NalTrack) => TrackMotion; readonly moments: Moments } | undefined;
  #isClosed = false;

  /** @param loadMoments what keeps where something moves */
  constructor(host: MotionHost, loadMoments: () => Promise<Moments>) {
    this.#host = host;
    this.#loadMoments = loadMoments;
  }

  /** Call when the configuration has changed, or a stream has opened or ended. */
  apply(): void {
    if (this.#isClosed) {
      return;
    }
    const streams = new Map([...this.#host.paths.openStreams()].filter(([, { isClosed }]) => !isClosed));
    for (const [path, watched] of this.#watched) {
      if (this.#choose(path, streams)?.stream !== watched.stream) {
        this.#watched.delete(path);
        watched.close();
        if (watched.isSound || !detects(path, this.#host.config())) {
          this.#failures.delete(path);
        }
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

  /** The present motion, or undefined if there is no such path, or its motion comes from the camera alone. */
  of(path: string): CameraMotion | undefined {
    const watched = this.#watched.get(path);
    if (watched) {
      const { name: stream, score, isMoving: moving, boxes, isInHours: inHours } = watched;
      return { stream, score: Math.round(score * 100) / 100, moving, inHours, boxes: boxes && [...boxes] };
    }
    const isDetected = detects(path, this.#host.settings()) !== undefined;
    return isDetected ? { stream: null, score: 0, moving: false, inHours: true, boxes: null } : undefined;
  }

  problems(): readonly FeatureProblem[] {
    return [...this.#watched].flatMap(([name, { problem }]) => (problem ? { name, ...problem } : []));
  }

  /** Those of the path's settings. */
  readonly rulesOf = (path: string): MotionRules => {
    const { settings = this.#host.config().pathDefaults } = resolvePath(this.#host.config(), path) ?? {};
    return rulesOf(settingsOf(settings));
  };

  close(): void {
    this.#isClosed = true;
    for (const watched of this.#watched.values()) {
      watched.close();
    }
    this.#watched.clear();
  }

  /** The stream to analyze: the sub stream if that is always pulled, else the main stream. */
  #choose(path: string, streams: ReadonlyMap<string, Stream>) {
    const config = this.#host.config();
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
    const loaded = this.#loaded;
    if (!loaded) {
      this.#loading ??= this.#load();
      return undefined;
    }
    return new WatchedStream({
      makeDetector: loaded.makeDetector,
      seconds: loaded.moments.open(path),
      name,
      stream,
      track,
      clock: this.#host.clock,
      ended: () => this.apply(),
      report: (turn) => this.#report(path, turn),
      failed: (text, reason) => this.#failed(path, name, text, reason),
      isWithin: (hours) => this.#isWithin(hours),
    });
  }

  #failed(path: string, stream: string, text: string, reason: string): string {
    const known = this.#failures.get(path);
    if (known?.reason === reason) {
      return known.since;
    }
    this.#host.log.warn({ path, stream, reason }, text);
    // Publishers name paths.
    if (this.#failures.size >= 1_000) {
      this.#failures.clear();
    }
    const since = new Date(this.#host.clock.wallMs()).toISOString();
    this.#failures.set(path, { reason, since });
    return since;
  }

  async #load(): Promise<void> {
    try {
      const { TrackMotion } = await loadLate('motion detection', () => import('./detection/track-motion.ts'));
      this.#loaded = { makeDetector: (track) => new TrackMotion(track), moments: await this.#loadMoments() };
      this.apply();
    } catch (error) {
      this.#host.log.error({ reason: explain(error) }, 'no motion is detected in streams');
      // The next stream tries again.
      this.#loading = undefined;
    }
  }

  #isWithin(hours: string): boolean {
    const { clock, config, recordings } = this.#host;
    const { hour, minute } = toLocalTime(clock.wallMs(), config().timetableZone || undefined);
    return !recordings.isClockTrusted || isWithinHours(hours, 60 * hour + minute);
  }

  /** Reports events for the camera's path, and for its sub stream if that records on motion, as for events from a camera. */
  #report(path: string, { isMoving, id, wallMs, area }: Turn): void {
    const { config, recordings, log } = this.#host;
    const sub = subOf(path, config());
    const time = Math.round(wallMs * 1000);
    const state = isMoving ? ({ state: 'start', startUs: time } as const) : ({ state: 'end', endUs: time } as const);
    for (const one of sub && records(sub.settings) ? [path, sub.name] : [path]) {
      recordings.events.hub
        .add({ path: one, type: 'motion', source: 'stream', id, area, ...state })
        .catch((error: unknown) => {
          log.debug({ path: one, reason: explain(error) }, 'event of a stream rejected');
        });
    }
  }
}

/** @returns settings of the path, or undefined if no motion is detected in its streams */
function detects(path: string, config: Config): MotionSettings | undefined {
  const found = resolvePath(config, path)?.settings;
  const settings = found && settingsOf(found);
  return settings?.motionSource === 'camera' || isSubStream(path, config) ? undefined : settings;
}

const settingsOf = (settings: PathSettings) => pathSettingsIn(settings, MOTION);

const records = ({ record }: PathSettings): boolean => record === 'motion';

interface WatchedStreamOptions {
  readonly name: string;
  readonly stream: Stream;
  /** Number of the video track. */
  readonly track: number;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** @throws PerchError if a parameter set is invalid */
  makeDetector(track: NalTrack): TrackMotion;
  /** Keeps where something moves. */
  readonly seconds: Pick<MovedSeconds, 'at' | 'end' | 'close'>;
  /** The local time is in `hours`, or unknown. */
  isWithin(hours: string): boolean;
  /** The stream has ended. */
  ended(): void;
  report(turn: Turn): void;
  /** Called once for each problem. @returns when it began, in RFC 3339 */
  failed(text: string, reason: string): string;
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
  /** The detector, or undefined if the parameter sets are invalid. */
  #motion: TrackMotion | undefined;
  #problem: Omit<FeatureProblem, 'name'> | undefined;
  #settings: MotionSettings | undefined;
  /** The minute in which `#isInHours` was found. */
  #minute = Number.NaN;
  #isInHours = true;
  #event = '';
  #isReported = false;
  #wallMs = 0;
  readonly #beganMs: number;

  constructor(options: WatchedStreamOptions) {
    this.name = options.name;
    this.stream = options.stream;
    this.#options = options;
    this.#beganMs = options.clock.wallMs();
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

  get problem(): Omit<FeatureProblem, 'name'> | undefined {
    return this.#problem;
  }

  /** Its blocks have been read for a minute. */
  get isSound(): boolean {
    return !this.#problem && this.#wallMs - this.#beganMs > MINUTE_MS;
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

  set settings(settings: MotionSettings) {
    if (settings !== this.#settings) {
      this.#settings = settings;
      this.#minute = Number.NaN;
      this.#setRules();
    }
  }

  onTrack(track: number, description: Track): void {
    if (track === this.#options.track && (description.codec === 'h264' || description.codec === 'h265')) {
      this.#rest();
      this.#options.seconds.end(this.#motion?.moved);
      this.#problem = undefined;
      this.#motion = this.#detectorOf(description);
      this.#setRules();
      this.#checkBlocks();
    }
  }

  onSample(track: number, { data, dts, wall }: Sample): void {
    const motion = this.#motion;
    if (track !== this.#options.track || !motion) {
      return;
    }
    this.#wallMs = wall;
    this.#options.seconds.at(Math.floor(wall / 1000), motion.moved);
    motion.add(data, dts / TICKS_PER_MS);
    this.#checkBlocks();
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
    this.#options.seconds.end(this.#motion?.moved);
    this.#options.seconds.close();
  }

  #detectorOf(track: NalTrack): TrackMotion | undefined {
    try {
      return this.#options.makeDetector(track);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#fail('unreadable', UNREADABLE, explain(error));
      return undefined;
    }
  }

  #checkBlocks(): void {
    const failure = this.#motion?.failure;
    if (failure !== undefined && !this.#problem) {
      this.#fail('noBlocks', NO_BLOCKS, failure);
    }
  }

  #fail(why: string, text: string, reason: string): void {
    this.#problem = { why, text: `${text}: ${reason}`, since: this.#options.failed(text, reason) };
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

const rulesOf = (settings: MotionSettings): MotionRules => ({
  sensitivity: settings.motionSensitivity,
  zones: settings.motionZones.map(parsePolygon),
  masks: settings.motionMasks.map(parsePolygon),
  minSize: settings.motionMinSize,
});
