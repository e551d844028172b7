import { explain } from '../../base/errors.ts';
import { SUB_SUFFIX } from '../../cameras/adoption/plan.ts';
import { isSubStream, subOf } from '../../cameras/path-entries.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { isWithinHours } from '../../config/values/hours.ts';
import { parseZones, zonesAt } from '../../config/values/polygon.ts';
import type { NalTrack } from '../../media/sample/track.ts';
import { loadLate } from '../../protocols/late.ts';
import { toLocalTime } from '../../record/file/time-zone.ts';
import type { Stream } from '../../stream/stream.ts';
import type { FeatureProblem, Host, Movement } from '../contract.ts';
import type { MotionRules } from './detection/region-detector.ts';
import type { TrackMotion } from './detection/track-motion.ts';
import type { MovedSeconds } from './moments/moved-seconds.ts';
import type { CameraMotion } from './routes.ts';
import { type MotionSettings, rulesOf, settingsOf, type Turn, UNREADABLE, WatchedStream } from './watched-stream.ts';

type MotionHost = Pick<
  Host,
  'clock' | 'config' | 'settings' | 'log' | 'paths' | 'recordings' | 'examines' | 'isTurning'
>;
interface Moments {
  open(path: string): Pick<MovedSeconds, 'at' | 'end' | 'close'>;
}

/**
 * Detects motion in the streams of paths with `motionSource: stream` or `both`, and of those whose pictures are examined, which
 * have no events of it. The small stream of a camera is enough.
 */
export class StreamMotion {
  readonly #host: MotionHost;
  readonly #loadMoments: () => Promise<Moments>;
  /** Watched streams, by path of their camera. */
  readonly #watched = new Map<string, WatchedStream>();
  /** By path of the camera: a reconnect neither logs a failure again nor changes its time. */
  readonly #failures = new Map<string, { readonly reason: string; readonly since: string }>();
  /** By path of the camera: its streams have no video that is read. */
  readonly #unreadable = new Map<string, Omit<FeatureProblem, 'name'>>();
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
    this.#unreadable.clear();
    for (const path of streams.keys()) {
      const chosen = this.#choose(path, streams);
      const unread = chosen && unreadOf(chosen.stream);
      if (unread !== undefined && detects(path, this.#host.config())) {
        const since = this.#failed(path, chosen?.name ?? path, UNREADABLE, unread);
        this.#unreadable.set(path, { why: 'unreadable', text: `${UNREADABLE}: ${unread}`, since });
      }
      const watched = this.#watched.get(path) ?? (chosen && this.#watch(path, chosen.name, chosen.stream));
      if (watched && chosen) {
        watched.settings = chosen.settings;
        this.#watched.set(path, watched);
      }
    }
  }

  /** The present motion, or undefined if there is no such path, or its motion comes from the camera alone. */
  of(path: string): CameraMotion | undefined {
    const isDetected = detects(path, this.#host.settings()) !== undefined;
    const watched = isDetected ? this.#watched.get(path) : undefined;
    if (watched) {
      const { name: stream, score, isMoving: moving, boxes, isInHours: inHours } = watched;
      return { stream, score: Math.round(score * 100) / 100, moving, inHours, boxes: boxes && [...boxes] };
    }
    return isDetected ? { stream: null, score: 0, moving: false, inHours: true, boxes: null } : undefined;
  }

  /** What moves in the pictures of a path; undefined: they are not looked at. */
  movement(path: string): Movement | undefined {
    return this.#watched.get(path);
  }

  /** Names of the zones of a path, or of the camera of a sub stream, at a point. */
  zonesAt(path: string, x: number, y: number): readonly string[] {
    return zonesAt(this.#zonesOf(path), x, y);
  }

  /** Names of the zones of a path. */
  zones(path: string): readonly string[] {
    return [...new Set(this.#zonesOf(path).map(({ name }) => name))];
  }

  #zonesOf(path: string): ReturnType<typeof parseZones> {
    const config = this.#host.config();
    const camera = isSubStream(path, config) ? path.slice(0, -SUB_SUFFIX.length) : path;
    const settings = resolvePath(config, camera)?.settings;
    return settings ? parseZones(settingsOf(settings).motionZones) : [];
  }

  problems(): readonly FeatureProblem[] {
    const config = this.#host.config();
    const watched = [...this.#watched].map(([name, { problem }]) => [name, problem] as const);
    return [...watched, ...this.#unreadable].flatMap(([name, problem]) =>
      problem && detects(name, config) ? { name, ...problem } : [],
    );
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
    const settings = this.#host.examines(path).length > 0 ? looksAt(path, config) : detects(path, config);
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
      isTurning: () => this.#host.isTurning(path),
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
  #report(path: string, { kind, id, wallMs, area, zones }: Turn): void {
    const { config, recordings, log } = this.#host;
    const { hub } = recordings.events;
    const sub = subOf(path, config());
    const time = Math.round(wallMs * 1000);
    const state =
      kind === 'begin' ? ({ state: 'start', startUs: time } as const) : ({ state: 'end', endUs: time } as const);
    for (const one of sub && records(sub.settings) ? [path, sub.name] : [path]) {
      const added =
        kind === 'more'
          ? hub.enter(one, id, zones)
          : hub.add({ path: one, type: 'motion', source: 'stream', id, area, zones, ...state });
      added.catch((error: unknown) => {
        log.debug({ path: one, reason: explain(error) }, 'event of a stream rejected');
      });
    }
  }
}

/** Why no motion can be read in a stream, or undefined. */
function unreadOf({ tracks }: Stream): string | undefined {
  const video = tracks.find(({ kind }) => kind === 'video');
  return video?.codec === 'h264' || video?.codec === 'h265'
    ? undefined
    : `${video ? `it is ${video.codec}` : 'the stream has no video'}, and H.264 or H.265 is needed`;
}

/** @returns settings of the path, or undefined if no motion is detected in its streams */
function detects(path: string, config: Config): MotionSettings | undefined {
  const settings = looksAt(path, config);
  return settings?.motionSource === 'camera' ? undefined : settings;
}

/** @returns settings of the path, or undefined if it is a sub stream or unknown */
function looksAt(path: string, config: Config): MotionSettings | undefined {
  const found = isSubStream(path, config) ? undefined : resolvePath(config, path)?.settings;
  return found && settingsOf(found);
}

const records = ({ record }: PathSettings): boolean => record === 'motion';
