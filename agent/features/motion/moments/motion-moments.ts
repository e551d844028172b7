import { explain, PerchError, unlessExpected } from '../../../base/errors.ts';
import { logOnce } from '../../../base/log-once.ts';
import { HOUR_MS } from '../../../base/time/units.ts';
import type { Track } from '../../../media/sample/track.ts';
import type { Host } from '../../contract.ts';
import type { MotionRules } from '../detection/region-detector.ts';
import { TrackMotion } from '../detection/track-motion.ts';
import { findMoments, type Moment, type PictureBox } from './find-moments.ts';
import { MovedSeconds } from './moved-seconds.ts';
import { MovedTable, type MovedWriter } from './moved-table.ts';

const MAX_MOMENTS = 1_000;
/** Readings that wait for their turn. */
const MAX_READINGS = 8;
/** Read before a stretch, so that the detector knows what is usual. */
const LEAD_S = 20;
/** Stretches closer to each other are read as one. */
const JOIN_S = 30;
/** Time for other work after each chunk, relative to the chunk's. */
const REST = 1;

type MomentsHost = Pick<Host, 'clock' | 'log' | 'recordings'>;

/** Unix seconds. */
export interface Period {
  readonly fromS: number;
  readonly toS: number;
}

export interface FoundMoments {
  readonly moments: readonly Moment[];
  /** There are more than `moments` has, which are the first ones. */
  readonly isCut: boolean;
  /** Seconds of recordings in which motion was not looked for yet. */
  readonly unreadSeconds: number;
  /** Share of the recordings that are being read now, or undefined if none are. */
  readonly progress: number | undefined;
}

interface Reading extends Period {
  readonly path: string;
  readSeconds: number;
  totalSeconds: number;
}

/** Finds when something moved in a part of the picture, in what is kept while cameras are recorded. Reads recordings without it on demand. */
export class MotionMoments {
  readonly #host: MomentsHost;
  readonly #table: MovedTable;
  readonly #stop = new AbortController();
  readonly #rulesOf: (path: string) => MotionRules;
  /** The first one is running. */
  readonly #readings: Reading[] = [];
  #isReading: Promise<void> | undefined;
  readonly #endPruning: () => void;

  constructor(host: MomentsHost, file: string, rulesOf: (path: string) => MotionRules) {
    this.#host = host;
    this.#rulesOf = rulesOf;
    const onFault = logOnce((cause) =>
      host.log.warn({ file, cause }, 'where something moved is not kept, check the disk'),
    );
    this.#table = new MovedTable(file, onFault);
    this.#endPruning = host.clock.every(HOUR_MS, () => void this.#prune());
  }

  /** For a stream that is being recorded. */
  open(path: string): MovedSeconds {
    return new MovedSeconds(this.#table.open(path));
  }

  /** @throws PerchError for an unknown path */
  async find(path: string, period: Period, box: PictureBox): Promise<FoundMoments> {
    const recorded = await this.#recorded(path, period);
    const { moved, seen } = this.#table.between(path, period.fromS, period.toS);
    const moments = findMoments(
      moved.filter(({ second }) => recorded[second - period.fromS] === 1),
      box,
    );
    const reading = this.#readings.find((one) => one.path === path && one.fromS < period.toS && one.toS > period.fromS);
    return {
      moments: moments.slice(0, MAX_MOMENTS),
      isCut: moments.length > MAX_MOMENTS,
      unreadSeconds: countUnread(recorded, seen),
      progress: reading && (reading.totalSeconds === 0 ? 0 : reading.readSeconds / reading.totalSeconds),
    };
  }

  /** Reads the recordings of a period in the background. @throws PerchError exhausted */
  read(path: string, period: Period): void {
    const isKnown = this.#readings.some(
      (one) => one.path === path && one.fromS <= period.fromS && one.toS >= period.toS,
    );
    if (isKnown) {
      return;
    }
    if (this.#readings.length >= MAX_READINGS) {
      throw new PerchError('exhausted', `${MAX_READINGS} searches in recordings are running: wait for one of them`);
    }
    this.#readings.push({ path, ...period, readSeconds: 0, totalSeconds: 0 });
    this.#isReading ??= this.#readAll();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#endPruning();
    await this.#isReading;
    this.#table.close();
  }

  async #readAll(): Promise<void> {
    for (let reading = this.#readings[0]; reading && !this.#stop.signal.aborted; reading = this.#readings[0]) {
      const { path } = reading;
      try {
        await this.#read(reading);
      } catch (error) {
        if (!this.#stop.signal.aborted) {
          this.#host.log.warn({ path, reason: explain(error) }, 'cannot look for motion in recordings');
        }
      }
      this.#readings.shift();
    }
    this.#isReading = undefined;
  }

  async #read(reading: Reading): Promise<void> {
    const { path, fromS, toS } = reading;
    const recorded = await this.#recorded(path, reading);
    const { seen } = this.#table.between(path, fromS, toS);
    reading.totalSeconds = countUnread(recorded, seen);
    const writer = this.#table.open(path);
    try {
      for (const stretch of unreadStretches(recorded, seen, fromS)) {
        await this.#readStretch(path, stretch, (second, bits) => {
          const at = second - fromS;
          if (second >= stretch.fromS && second < stretch.toS && recorded[at] === 1 && seen[at] === 0) {
            writer.add(second, bits);
            reading.readSeconds += 1;
          }
        });
      }
    } finally {
      writer.close();
    }
  }
  /** @param take gets each second that was read, with the cells in which something moved */
  async #readStretch(path: string, { fromS, toS }: Period, take: MovedWriter['add']): Promise<void> {
    const { recordings, clock } = this.#host;
    const { signal } = this.#stop;
    let detection: RecordedDetection | undefined;
    for await (const samples of recordings.playback.video(path, 1e6 * (fromS - LEAD_S), 1e6 * toS, signal)) {
      const { track } = samples;
      const startMs = clock.monoMs();
      if (detection?.track !== track) {
        detection?.end();
        detection = new RecordedDetection(track, this.#rulesOf(path), take);
      }
      for (const [i, data] of samples.data.entries()) {
        detection.add(data, samples.timesUs[i] as number);
      }
      await clock.sleep(REST * (clock.monoMs() - startMs), signal);
    }
    detection?.end();
  }

  /** A 1 for each second of the period in which something was recorded. */
  async #recorded(path: string, { fromS, toS }: Period): Promise<Uint8Array> {
    const zoned = (second: number) => ({ us: 1e6 * second, offsetMs: 0 });
    const spans = await this.#host.recordings.playback.spans(path, zoned(fromS), zoned(toS));
    const recorded = new Uint8Array(Math.max(0, toS - fromS));
    for (const { startUs, durationUs } of spans) {
      // Seconds that are recorded in part have no reader: the last one of a recording is never read again.
      const from = Math.ceil(startUs / 1e6) - fromS;
      const to = Math.floor((startUs + durationUs) / 1e6) - fromS;
      recorded.fill(1, Math.max(0, from), Math.max(0, Math.min(to, recorded.length)));
    }
    return recorded;
  }

  /** Forgets what is older than the recordings. */
  async #prune(): Promise<void> {
    for (const path of this.#table.paths()) {
      try {
        const [oldest] = await this.#host.recordings.playback.spans(path);
        this.#table.deleteBefore(path, Math.floor((oldest?.startUs ?? 1000 * this.#host.clock.wallMs()) / 1e6));
      } catch (error) {
        // Of a removed camera, or on a disk that is missing.
        this.#host.log.debug({ path, reason: explain(error) }, 'motion of recordings is kept');
      }
    }
  }
}

/** Looks for motion in the samples of one file. */
class RecordedDetection {
  readonly track: Track;
  readonly #motion: TrackMotion | undefined;
  readonly #seconds: MovedSeconds;

  constructor(track: Track, rules: MotionRules, take: MovedWriter['add']) {
    this.track = track;
    this.#seconds = new MovedSeconds({ add: take, close: () => {} });
    if (track.codec === 'h264' || track.codec === 'h265') {
      this.#motion = unlessExpected(() => new TrackMotion(track));
    }
    if (this.#motion) {
      this.#motion.rules = rules;
    }
  }

  add(data: Uint8Array, timeUs: number): void {
    this.#seconds.at(Math.floor(timeUs / 1e6), this.#motion?.moved);
    this.#motion?.add(data, timeUs / 1000);
  }

  end(): void {
    this.#seconds.end(this.#motion?.moved);
  }
}

const countUnread = (recorded: Uint8Array, seen: Uint8Array): number =>
  recorded.reduce((sum, one, at) => sum + (one === 1 && seen[at] === 0 ? 1 : 0), 0);

/** Recorded and not seen, oldest first. */
function unreadStretches(recorded: Uint8Array, seen: Uint8Array, firstS: number): Period[] {
  const stretches: { fromS: number; toS: number }[] = [];
  for (let at = 0; at < recorded.length; at += 1) {
    if (recorded[at] === 1 && seen[at] === 0) {
      const last = stretches.at(-1);
      if (last && firstS + at - last.toS < JOIN_S) {
        last.toS = firstS + at + 1;
      } else {
        stretches.push({ fromS: firstS + at, toS: firstS + at + 1 });
      }
    }
  }
  return stretches;
}
