import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { explain, rethrowUnexpected } from '../../base/errors.ts';
import { MINUTE_MS } from '../../base/time/units.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { isWithin, parsePolygon, parseZones } from '../../config/values/polygon.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { NalTrack, Track } from '../../media/sample/track.ts';
import type { EventArea } from '../../record/events/event.ts';
import { FILE_DELAY_MS, type Reader, type Stream } from '../../stream/stream.ts';
import type { FeatureProblem, Movement } from '../contract.ts';
import type { MotionArea, MotionRules, MovingBox } from './detection/region-detector.ts';
import type { TrackMotion } from './detection/track-motion.ts';
import { MOTION } from './keys.ts';
import type { MovedSeconds } from './moments/moved-seconds.ts';

const TICKS_PER_MS = 90;
const ADVICE = 'choose another codec or profile in the camera, or motionSource: camera';
export const UNREADABLE = `no motion is detected in its video; ${ADVICE}`;
const NO_BLOCKS = `motion is detected in whole pictures only, without zones, masks and smallest size; ${ADVICE}`;

export type MotionSettings = ReturnType<typeof settingsOf>;
export const settingsOf = (settings: PathSettings) => pathSettingsIn(settings, MOTION);

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
  /** Perch turns the camera: what moves is the whole picture. */
  isTurning(): boolean;
  /** The stream has ended. */
  ended(): void;
  report(turn: Turn): void;
  /** Called once for each problem. @returns when it began, in RFC 3339 */
  failed(text: string, reason: string): string;
}

/** Motion begins, comes into more zones, or ends. */
export interface Turn {
  readonly kind: 'begin' | 'more' | 'end';
  /** Id of the event. */
  readonly id: string;
  readonly wallMs: number;
  readonly area: EventArea | undefined;
  /** Names of zones that it has been in so far. */
  readonly zones: readonly string[];
}

/** A stream whose motion is detected. */
export class WatchedStream implements Reader, Movement {
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
  readonly #hours = new KnownFor(() => this.#options.isWithin(this.#settings?.motionHours ?? ''));
  readonly #turning = new KnownFor(() => this.#options.isTurning());
  #event = '';
  #isReported = false;
  #zones: ReturnType<typeof parseZones> = [];
  #masks: readonly ReturnType<typeof parsePolygon>[] = [];
  /** Zones of the event so far. */
  #zoneBits = 0;
  #wallMs = 0;
  /** Of Unix time from the time of decoding. */
  #offsetMs = 0;
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

  shareIn(box: Parameters<Movement['shareIn']>[0], fromMs: number, untilMs: number): number | undefined {
    return this.#motion?.moved?.shareIn(box, fromMs - this.#offsetMs, untilMs - this.#offsetMs);
  }

  movingBox(fromMs: number, untilMs: number): ReturnType<Movement['movingBox']> {
    const { moved } = this.#motion ?? {};
    return moved?.boxOf(fromMs - this.#offsetMs, untilMs - this.#offsetMs, (x, y) => this.counts(x, y));
  }

  counts(x: number, y: number): boolean {
    const isInZone = this.#zones.length === 0 || this.#zones.some(({ corners }) => isWithin(x, y, corners));
    return isInZone && !this.#masks.some((corners) => isWithin(x, y, corners));
  }

  /** Whether motion counts now. */
  get isInHours(): boolean {
    return this.#hours.at(Math.floor(this.#options.clock.wallMs() / MINUTE_MS));
  }

  set settings(settings: MotionSettings) {
    if (settings !== this.#settings) {
      this.#settings = settings;
      this.#zones = parseZones(settings.motionZones);
      this.#masks = settings.motionMasks.map(parsePolygon);
      this.#hours.forget();
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
    this.#offsetMs = wall - dts / TICKS_PER_MS;
    this.#options.seconds.at(Math.floor(wall / 1000), motion.moved);
    const wasMoving = motion.isMoving;
    motion.add(data, dts / TICKS_PER_MS);
    this.#checkBlocks();
    const counts = motion.isMoving && this.#settings?.motionSource !== 'camera' && this.isInHours;
    // An event that runs is not ended by the camera's turn.
    const isMoving = counts && (this.#isReported || !this.#turning.at(Math.floor(wall / 1000)));
    if (isMoving !== this.#isReported) {
      // Motion that did not count until now, such as that of the camera itself, has been elsewhere.
      if (!(isMoving && wasMoving) || motion.restart()) {
        this.#turn(isMoving ? 'begin' : 'end', wall);
      }
    } else if (isMoving && motion.zones !== this.#zoneBits) {
      this.#turn('more', wall);
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
      rethrowUnexpected(error);
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

  #turn(kind: Turn['kind'], wallMs: number): void {
    if (kind === 'begin') {
      this.#event = randomUUID();
    }
    this.#isReported = kind !== 'end';
    const { area: moved, zones: bits = 0 } = this.#motion ?? {};
    this.#zoneBits = bits;
    const zones = this.#zones.filter((_, i) => (bits & (1 << i)) !== 0).map(({ name }) => name);
    const area = moved && placed(moved, this.#offsetMs);
    this.#options.report({ kind, id: this.#event, wallMs, area, zones });
  }

  /** Ends an event together with the stream. */
  #rest(): void {
    if (this.#isReported) {
      this.#turn('end', this.#wallMs);
    }
  }
}

/** An answer that is asked for once in each minute or second. */
class KnownFor {
  readonly #ask: () => boolean;
  #number = Number.NaN;
  #answer = false;

  constructor(ask: () => boolean) {
    this.#ask = ask;
  }

  /** @param number of the minute or second */
  at(number: number): boolean {
    if (number !== this.#number) {
      this.#number = number;
      this.#answer = this.#ask();
    }
    return this.#answer;
  }

  forget(): void {
    this.#number = Number.NaN;
  }
}

const placed = ({ peakMs, ...area }: MotionArea, offsetMs: number): EventArea => ({
  ...area,
  at: Math.round((peakMs + offsetMs) * 1000),
});

export const rulesOf = (settings: MotionSettings): MotionRules => ({
  sensitivity: settings.motionSensitivity,
  zones: parseZones(settings.motionZones).map(({ corners }) => corners),
  masks: settings.motionMasks.map(parsePolygon),
  minSize: settings.motionMinSize,
});
