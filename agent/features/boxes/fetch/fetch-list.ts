import { stat } from 'node:fs/promises';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { readSegmentInfo } from '../../../playback/index/segment-info.ts';
import { codeOf } from '../../../record/file/disk-fault.ts';
import { formatRecordPath } from '../../../record/file/record-path.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';
import { leftOut } from '../../../recordings/copy/left-file.ts';
import { newestFirst } from '../../../recordings/copy/newest-first.ts';
import type {
  OpenRecording,
  RecordingList,
  SourceRecording,
  Sum,
  Target,
} from '../../../recordings/copy/recording-list.ts';
import type { RecordedFile } from '../serving/paired-recording-routes.ts';
import type { BoxRecordings, FetchRange } from './box-recordings.ts';
import { type BoxProtection, BoxProtections, fetchStills } from './fetch-companions.ts';
import { fetchFile } from './fetch-file.ts';

/** Maximum number of files of a camera: files of a minute for two years. */
const MAX_FILES = 1_000_000;
/** File systems keep times in steps of up to two seconds (FAT). */
const MAX_TIME_STEP_MS = 2_000;

interface FetchItem {
  /** Path on the box. */
  readonly group: string;
  /** Path whose recordings they become. */
  readonly path: string;
}

export interface FetchListDeps {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly source: Pick<BoxRecordings, 'files' | 'piece' | 'digest' | 'stills' | 'protectedTimes'>;
  /** @throws PerchError if the path is not configured any more */
  settingsOf(path: string): { readonly recordPath: string; readonly recordDeleteAfterMs: number };
  /** Called before the recordings come. Has no effect for a range that is protected here already. */
  protect(path: string, range: BoxProtection): Promise<void>;
  /** Called once all recordings are here. */
  takeEvents(pace: ImportPace): Promise<void>;
  /** Limits the rate. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
  /** IANA name of the time zone, or undefined for the machine's zone. */
  readonly zone?: string;
  /** Bytes per request. */
  readonly pieceBytes?: number;
}

interface Wanted extends FetchItem {
  readonly startUs: number;
  readonly file: RecordedFile;
}

/**
 * Recordings of a paired box that are missing here, newest first: if the disk is too small, the oldest are not fetched.
 * The box keeps its files.
 */
export class FetchList implements RecordingList {
  readonly #items: readonly FetchItem[];
  readonly #range: FetchRange;
  readonly #deps: FetchListDeps;
  /** Recordings that are here under other names. */
  readonly #present = new Set<string>();
  readonly #protected = new BoxProtections();

  constructor(items: readonly FetchItem[], range: FetchRange, deps: FetchListDeps) {
    this.#items = items;
    this.#range = range;
    this.#deps = deps;
  }

  async sum({ signal }: ImportPace): Promise<Sum> {
    const sums = [...(await this.sums(signal)).values()];
    for (const { group, path } of this.#items) {
      for (const range of this.#protected.of(group)) {
        signal.throwIfAborted();
        await this.#deps.protect(path, range);
      }
    }
    return {
      files: sums.reduce((sum, { files }) => sum + files, 0),
      bytes: sums.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /** What is still to be fetched, by path on the box; `old`: what would be deleted here at once. */
  async sums(signal: AbortSignal) {
    const groups = this.#items.map(({ group }) => group);
    await this.#protected.read(groups, this.#range, this.#deps.source, signal);
    const sums = new Map(this.#items.map(({ group }) => [group, { files: 0, bytes: 0, old: 0 }]));
    for await (const wanted of this.#missing(signal)) {
      const sum = sums.get(wanted.group);
      if (sum && this.#isOld(wanted)) {
        sum.old += 1;
      } else if (sum && wanted.file.state === 'finished') {
        sum.files += 1;
        sum.bytes += wanted.file.bytes;
      }
    }
    return sums;
  }

  async *recordings(signal: AbortSignal): AsyncGenerator<SourceRecording> {
    for await (const wanted of this.#missing(signal)) {
      const { group, path, file } = wanted;
      yield {
        name: `${group} ${new Date(file.startUs / 1000).toISOString()}`,
        path,
        sizeBytes: file.bytes,
        draft: `.fetch-${file.nameUs}.part${file.format === 'mpegts' ? '.ts' : ''}`,
        check: async () => this.#check(wanted),
        open: async () => this.#open(wanted),
        ended: async (outcome) => {
          if (outcome === 'present') {
            this.#present.add(fileKey(path, file));
          }
        },
      };
    }
  }

  /** What the box has recorded during a pass comes with the next one. */
  async again(taken: number): Promise<boolean> {
    return taken > 0;
  }

  async faultOf(error: unknown): Promise<unknown> {
    const isOfFile = error instanceof PerchError && error.code === 'badInput' && error.context['why'] === undefined;
    return isOfFile ? leftOut('unreadable', explain(error)) : error;
  }

  async end(pace: ImportPace): Promise<void> {
    await this.#takeStills(pace);
    await this.#deps.takeEvents(pace);
  }

  /** Recordings of all cameras that are missing here, newest first. */
  #missing(signal: AbortSignal): AsyncGenerator<Wanted, undefined> {
    return newestFirst(this.#items.map((item) => this.#missingOf(item, signal)));
  }

  async *#missingOf(item: FetchItem, signal: AbortSignal): AsyncGenerator<Wanted, undefined> {
    for await (const file of this.#listed(item, signal)) {
      if (!this.#present.has(fileKey(item.path, file)) && !(await this.#isHere(item, file))) {
        yield { ...item, startUs: file.startUs, file };
      }
    }
  }

  async *#listed({ group }: FetchItem, signal: AbortSignal): AsyncGenerator<RecordedFile, undefined> {
    const { sinceUs = 0, untilUs } = this.#range;
    let count = 0;
    for await (const file of this.#deps.source.files(group, untilUs, signal)) {
      count += 1;
      if (count > MAX_FILES || file.startUs + file.durationUs < sinceUs) {
        return;
      }
      yield file;
    }
  }

  async #takeStills(pace: ImportPace): Promise<void> {
    const { source, take } = this.#deps;
    for (const item of this.#items) {
      for await (const file of this.#listed(item, pace.signal)) {
        if (file.stills > 0 && (await this.#isHere(item, file))) {
          await pace.wait();
          await fetchStills(this.#fileOf(item.path, file), file.stills, pace, {
            stills: (after, signal) => source.stills(item.group, file, after, signal),
            take: (bytes) => take(bytes, pace.signal),
          });
        }
      }
    }
  }

  /** Whether the recording was fetched before: it was compared with the box's then. */
  async #isHere({ path }: FetchItem, file: RecordedFile): Promise<boolean> {
    const there = await statOf(this.#fileOf(path, file));
    const isSame = there && there.size === file.bytes && file.state === 'finished';
    return isSame === true && Math.abs(there.mtimeMs - file.modifiedMs) <= MAX_TIME_STEP_MS;
  }

  #check(wanted: Wanted): Target {
    const { state, startUs, nameUs, format } = wanted.file;
    if (state === 'broken') {
      throw leftOut('damaged', 'the box cannot read it');
    }
    if (state === 'growing') {
      throw leftOut('busy', 'the box still writes it: fetch again after its recording has ended');
    }
    if (startUs / 1000 > this.#deps.clock.wallMs()) {
      throw leftOut('future', 'its time is in the future');
    }
    if (this.#isOld(wanted)) {
      throw leftOut('old', 'it is older than recordDeleteAfter of the path: it would be deleted here');
    }
    return { recordPath: this.#deps.settingsOf(wanted.path).recordPath, nameUs, format };
  }

  #open({ group, file }: Wanted): OpenRecording {
    const { source, take, pieceBytes } = this.#deps;
    const { startUs, durationUs, modifiedMs } = file;
    return {
      times: { startUs, endUs: startUs + durationUs },
      write: async (draft, pace, onBytes) => {
        await fetchFile(draft, {
          ...{ source, path: group, file, pace, onBytes },
          ...(pieceBytes !== undefined && { pieceBytes }),
          take: (bytes) => take(bytes, pace.signal),
        });
        return { modifiedMs, times: { startUs, endUs: startUs + (await durationOf(draft)) } };
      },
    };
  }

  #isOld({ group, path, file: { startUs, durationUs } }: Wanted): boolean {
    const { recordDeleteAfterMs: keptMs } = this.#deps.settingsOf(path);
    const endUs = startUs + durationUs;
    const isOld = keptMs > 0 && endUs / 1000 < this.#deps.clock.wallMs() - keptMs;
    return isOld && !this.#protected.covers(group, startUs, endUs);
  }

  #fileOf(path: string, { nameUs, format }: RecordedFile): string {
    return formatRecordPath(this.#deps.settingsOf(path).recordPath, path, nameUs / 1000, this.#deps.zone, format);
  }
}

const fileKey = (path: string, { nameUs, format }: RecordedFile): string => `${path} ${nameUs} ${format}`;

/** Duration of a draft, in microseconds. @throws PerchError for a file to leave out, if Perch cannot read it */
async function durationOf(draft: string): Promise<number> {
  const known = await readSegmentInfo(draft, { isBeingWritten: false }).catch((error: unknown) => {
    if (error instanceof PerchError) {
      throw leftOut('damaged', `it is no whole recording: ${explain(error)}`);
    }
    throw error;
  });
  if (!known || known.info.durationUs <= 0) {
    throw leftOut('damaged', 'it is no whole recording');
  }
  return known.info.durationUs;
}

const statOf = (file: string) => stat(file).catch(unlessGone);

function unlessGone(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') {
    throw error;
  }
}
