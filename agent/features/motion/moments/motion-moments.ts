import { endsWithin } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { logOnce } from '../../../base/log-once.ts';
import { DAY_MS, HOUR_MS } from '../../../base/time/units.ts';
import type { Host } from '../../contract.ts';
import type { MotionRules } from '../detection/region-detector.ts';
import { type Moment, MomentFinder, type PictureBox } from './find-moments.ts';
import { MovedSeconds } from './moved-seconds.ts';
import { MovedTable, type MovedWriter } from './moved-table.ts';
import { RecordedDetection } from './recorded-detection.ts';

/** Readings that wait for their turn, of different people. */
const MAX_READINGS = 8;
const DAY_S = DAY_MS / 1000;
/** Read before a stretch, so that the detector knows what is usual. */
const LEAD_S = 20;
/** Stretches closer to each other are read as one. */
const JOIN_S = 30;
/** Work without a pause: packets wait for it. The pause is as long as the work, and as the reading from the disk. */
const WORK_MS = 10;
/** A disk that hangs does not hold up the stop of Perch. */
const STOP_MS = 3_000;

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
  /** Those of them that a reading could not read. */
  readonly unreadableSeconds: number;
  /** Share of the recordings that are being read now, or undefined if none are. */
  readonly progress: number | undefined;
}

interface Reading extends Period {
  readonly path: string;
  /** Who asked for it. */
  readonly person: string;
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
  #readings: Reading[] = [];
  #isReading: Promise<void> | undefined;
  /** What the last readings could not read, by path. */
  readonly #unreadable = new Map<string, readonly Period[]>();
  readonly #endPruning: () => void;

  constructor(host: MomentsHost, file: string, rulesOf: (path: string) => MotionRules) {
    this.#host = host;
    this.#rulesOf = rulesOf;
    const onFault = logOnce((cause) =>
      host.log.warn({ file, cause }, 'where something moves is not kept, check the disk'),
    );
    this.#table = new MovedTable(file, onFault);
    this.#endPruning = host.clock.every(HOUR_MS, () => void this.#prune());
  }

  /** For a stream that is being recorded. */
  open(path: string): MovedSeconds {
    const { add, close } = this.#table.open(path);
    // Recordings of an untrusted clock are dated again later.
    return new MovedSeconds({
      add: (second, bits) => this.#host.recordings.isClockTrusted && add(second, bits),
      close,
    });
  }

  /** @throws PerchError for an unknown path, and for a camera of another box */
  async find(path: string, period: Period, box: PictureBox): Promise<FoundMoments> {
    const recorded = await this.#recorded(path, period);
    const finder = new MomentFinder(box, 1_000);
    const seen = new Uint8Array(recorded.length);
    for (let fromS = period.fromS; fromS < period.toS; fromS += DAY_S) {
      const toS = Math.min(fromS + DAY_S, period.toS);
      const ofDay = this.#table.read(path, fromS, toS, (second, bits) => {
        if (bits && recorded[second - period.fromS] === 1) {
          finder.add(second, bits);
        }
      });
      seen.set(ofDay, fromS - period.fromS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const unreadable = (this.#unreadable.get(path) ?? []).map(({ fromS, toS }) => [
      Math.max(0, fromS - period.fromS),
      Math.max(0, toS - period.fromS),
    ]);
    const reading = this.#readings.find((one) => one.path === path && one.fromS < period.toS && one.toS > period.fromS);
    return {
      moments: finder.moments,
      isCut: finder.isCut,
      unreadSeconds: countUnread(recorded, seen),
      unreadableSeconds: unreadable.reduce(
        (sum, [from, to]) => sum + countUnread(recorded.subarray(from, to), seen.subarray(from, to)),
        0,
      ),
      progress: reading && (reading.totalSeconds === 0 ? 0 : reading.readSeconds / reading.totalSeconds),
    };
  }

  /**
   * Reads the recordings of a period in the background. Replaces a reading of the same person that waits.
   * @throws PerchError exhausted
   */
  read(path: string, period: Period, person: string): void {
    this.#requireOwn(path);
    const covers = (one: Reading) => one.path === path && one.fromS <= period.fromS && one.toS >= period.toS;
    if (this.#readings.some(covers)) {
      return;
    }
    this.#readings = this.#readings.filter((one, i) => i === 0 || one.person !== person);
    if (this.#readings.length >= MAX_READINGS) {
      throw new PerchError('exhausted', `${MAX_READINGS} searches in recordings are running: wait for one of them`);
    }
    this.#readings.push({ path, person, ...period, readSeconds: 0, totalSeconds: 0 });
    this.#isReading ??= this.#readAll();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#endPruning();
    if (await endsWithin(this.#host.clock, STOP_MS, this.#isReading ?? Promise.resolve())) {
      this.#table.close();
    }
  }

  /** @throws PerchError unsupported */
  #requireOwn(path: string): void {
    if (this.#host.recordings.stores.isShared(path)) {
      throw new PerchError('unsupported', 'recordings of a camera of another box are searched on that box', { path });
    }
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
    const seen = this.#table.read(path, fromS, toS);
    reading.totalSeconds = countUnread(recorded, seen);
    const writer = this.#table.open(path);
    try {
      for (const stretch of unreadStretches(recorded, seen, fromS)) {
        try {
          await this.#readStretch(path, stretch, (second, bits) => {
            const at = second - fromS;
            if (second >= stretch.fromS && second < stretch.toS && recorded[at] === 1 && seen[at] === 0) {
              seen[at] = 1;
              writer.add(second, bits);
              reading.readSeconds += 1;
            }
          });
        } catch (error) {
          // The stretch may be on a missing disk, and the others on another one.
          if (this.#stop.signal.aborted || !(error instanceof PerchError)) {
            throw error;
          }
          this.#host.log.debug({ path, reason: explain(error) }, 'recordings without a search for motion');
        }
      }
      this.#unreadable.set(path, unreadStretches(recorded, seen, fromS));
    } finally {
      writer.close();
    }
  }

  /** @param add gets each second that was read, with the cells in which something moved */
  async #readStretch(path: string, { fromS, toS }: Period, add: MovedWriter['add']): Promise<void> {
    const { recordings, clock } = this.#host;
    const { signal } = this.#stop;
    const detection = new RecordedDetection(this.#rulesOf(path), { add, close: () => {} });
    let startMs = clock.monoMs();
    const range = { fromUs: 1e6 * (fromS - LEAD_S), toUs: 1e6 * toS, signal, wants: detection.wants };
    for await (const { timesUs, data } of recordings.playback.video(path, range)) {
      for (const [i, sample] of data.entries()) {
        detection.add(sample, timesUs[i] as number);
        const workedMs = clock.monoMs() - startMs;
        if (workedMs >= WORK_MS) {
          await clock.sleep(workedMs, signal);
          startMs = clock.monoMs();
        }
      }
    }
    detection.end();
  }

  /** A 1 for each second of the period in which something was recorded. @throws PerchError */
  async #recorded(path: string, { fromS, toS }: Period): Promise<Uint8Array> {
    this.#requireOwn(path);
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
