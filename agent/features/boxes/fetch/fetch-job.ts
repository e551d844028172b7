import { rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { makeFolder, syncFolder } from '../../../base/files/durable-file.ts';
import { readSegmentInfo } from '../../../playback/index/segment-info.ts';
import type { Playback } from '../../../playback/playback.ts';
import { codeOf } from '../../../record/file/disk-fault.ts';
import { formatRecordPath } from '../../../record/file/record-path.ts';
import { finishCopy } from '../../../recordings/copy/copy-companions.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';
import { type LeftFile, leftOut, whyOf } from '../../../recordings/copy/left-file.ts';
import { placeNew, RECORDINGS_MODE, removeEmpty } from '../../../recordings/copy/place-file.ts';
import { recordedUsOf } from '../../../recordings/copy/recorded.ts';
import type { JobReport, TransferJob } from '../../../recordings/copy/transfer-kind.ts';
import type { RecordedFile } from '../serving/paired-recording-routes.ts';
import type { BoxRecordings, FetchRange } from './box-recordings.ts';
import { fetchFile } from './fetch-file.ts';
import { type BoxProtection, BoxProtections } from './fetch-protected.ts';
import { fetchStills } from './fetch-stills.ts';

/** Maximum number of files of a camera: files of a minute for two years. */
const MAX_FILES = 1_000_000;
/** What is recorded here already may be this much longer or shorter. */
const MAX_OVERLAP_US = 1_500_000;
/** File systems keep times in steps of up to two seconds (FAT). */
const MAX_TIME_STEP_MS = 2_000;

interface FetchItem {
  /** Path on the box. */
  readonly group: string;
  /** Path whose recordings they become. */
  readonly path: string;
}

export interface FetchJobDeps {
  readonly clock: Pick<Clock, 'wallMs' | 'monoMs'>;
  readonly source: Pick<BoxRecordings, 'files' | 'piece' | 'digest' | 'stills' | 'protectedTimes'>;
  readonly playback: Pick<Playback, 'measure'>;
  /** undefined: the path is not configured any more. */
  settingsOf(path: string): { readonly recordPath: string; readonly recordDeleteAfterMs: number } | undefined;
  /** Why nothing may be written there; undefined: it may. */
  refusal(file: string): string | undefined;
  minFreeBytes(diskBytes: number): number;
  /** Called before the recordings come. Has no effect for a range that is protected here already. */
  protect(path: string, range: BoxProtection): Promise<void>;
  /** Called once all recordings are here. */
  takeEvents(pace: ImportPace): Promise<void>;
  /** Limits the rate. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
  /** IANA name of the time zone; undefined: the machine's zone. */
  readonly zone?: string;
  /** Bytes per request. */
  readonly pieceBytes?: number;
}

interface FetchMemory {
  /** The file that is being fetched. */
  readonly draft?: string;
}

interface Wanted extends FetchItem {
  readonly file: RecordedFile;
}

/**
 * Fetches recordings of a paired box, newest first: if the disk is too small, the oldest are not fetched. The box keeps
 * its files. The job stores no list of finished files: it fetches every recording that is missing here.
 */
export class FetchJob implements TransferJob {
  readonly #items: readonly FetchItem[];
  readonly #range: FetchRange;
  readonly #deps: FetchJobDeps;
  #memory: FetchMemory;
  /** Recordings that are here under other names. */
  readonly #present = new Set<string>();
  readonly #protected = new BoxProtections();
  readonly #recordedUs = new Map<string, ReturnType<typeof recordedUsOf>>();

  constructor(items: readonly FetchItem[], range: FetchRange, memory: FetchMemory, deps: FetchJobDeps) {
    this.#items = items;
    this.#range = range;
    this.#memory = memory;
    this.#deps = deps;
  }

  get memory(): FetchMemory {
    return this.#memory;
  }

  async run(report: JobReport, pace: ImportPace): Promise<void> {
    // What the box has recorded during a pass comes with the next one.
    while ((await this.#pass(report, pace)) > 0) {
      pace.signal.throwIfAborted();
    }
    await this.discard();
    await this.#takeStills(pace);
    await this.#deps.takeEvents(pace);
  }

  /** Removes the draft of an incomplete recording. */
  async discard(): Promise<void> {
    if (this.#memory.draft !== undefined) {
      const { draft } = this.#memory;
      await rm(draft, { force: true });
      // Without this, a power cut brings the draft back.
      await syncFolder(dirname(draft)).catch(unlessGone);
      this.#memory = {};
    }
  }

  /** What is still to be fetched, by path on the box; `old`: what would be deleted here at once. */
  async sums(signal: AbortSignal) {
    const groups = this.#items.map(({ group }) => group);
    await this.#protected.read(groups, this.#range, this.#deps.source, signal);
    const sums = new Map(this.#items.map(({ group }) => [group, { files: 0, bytes: 0, old: 0 }]));
    for await (const { group, path, file } of this.#missing(signal)) {
      const sum = sums.get(group);
      if (sum && this.#isOld({ group, path, file })) {
        sum.old += 1;
      } else if (sum && file.state === 'finished') {
        sum.files += 1;
        sum.bytes += file.bytes;
      }
    }
    return sums;
  }

  /** @returns how many recordings were fetched */
  async #pass(report: JobReport, pace: ImportPace): Promise<number> {
    let fetched = 0;
    const sums = [...(await this.sums(pace.signal)).values()];
    for (const { group, path } of this.#items) {
      for (const range of this.#protected.of(group)) {
        pace.signal.throwIfAborted();
        await this.#deps.protect(path, range);
      }
    }
    report.left(
      sums.reduce((sum, { files }) => sum + files, 0),
      sums.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    report.forgetLeftOut();
    for await (const wanted of this.#missing(pace.signal)) {
      pace.signal.throwIfAborted();
      const name = `${wanted.group} ${new Date(wanted.file.startUs / 1000).toISOString()}`;
      report.begin(name);
      try {
        if (await this.#take(wanted, report, pace)) {
          fetched += 1;
        } else {
          report.isPresent();
        }
        report.done(wanted.file.bytes);
      } catch (error) {
        const left = leftFileOf(name, error);
        if (left) {
          report.leftOut(left);
        }
      }
    }
    return fetched;
  }

  /** Recordings of all cameras that are missing here, newest first. */
  async *#missing(signal: AbortSignal): AsyncGenerator<Wanted> {
    const all = this.#items.map((item) => this.#missingOf(item, signal));
    const heads = await Promise.all(all.map(async (one) => (await one.next()).value));
    for (;;) {
      let newest = -1;
      for (const [i, head] of heads.entries()) {
        if (head && (newest < 0 || head.file.startUs > (heads[newest]?.file.startUs ?? 0))) {
          newest = i;
        }
      }
      const head = heads[newest];
      if (!head) {
        return;
      }
      yield head;
      heads[newest] = (await all[newest]?.next())?.value;
    }
  }

  async *#missingOf(item: FetchItem, signal: AbortSignal): AsyncGenerator<Wanted, undefined> {
    for await (const file of this.#listed(item, signal)) {
      if (!this.#present.has(fileKey(item.path, file)) && !(await this.#isHere(item, file))) {
        yield { ...item, file };
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

  /** @returns false: recordings of its time are here */
  async #take(recording: Wanted, report: JobReport, pace: ImportPace): Promise<boolean> {
    const { group, path, file } = recording;
    const { clock, source, refusal, take, pieceBytes } = this.#deps;
    this.#checkFile(recording);
    const wanted = this.#fileOf(path, file);
    const away = refusal(wanted);
    if (away !== undefined) {
      throw new PerchError('unavailable', away, { why: 'away' });
    }
    const there = await statOf(wanted);
    if (there?.size === 0 && this.#memory.draft === draftOf(wanted, file)) {
      // A disk without hard links: the draft was about to get this name.
      await rm(wanted);
    } else if (there && !(await removeEmpty(wanted, there, clock.wallMs()))) {
      throw leftOut('taken', 'another recording has its name here');
    }
    if (await this.#isRecorded(path, file, file.durationUs)) {
      return false;
    }
    const draft = await this.#prepare(wanted, file, report);
    await fetchFile(draft, {
      source,
      path: group,
      file,
      pace,
      ...(pieceBytes !== undefined && { pieceBytes }),
      take: (bytes) => take(bytes, pace.signal),
      onBytes: (bytes) => report.bytes(bytes),
    });
    const durationUs = await durationOf(draft);
    if (await this.#isRecorded(path, file, durationUs)) {
      await this.discard();
      return false;
    }
    await finishCopy(draft, file.modifiedMs, 0);
    await placeNew(draft, wanted);
    await this.discard();
    return true;
  }

  /** @throws PerchError for a recording that is not fetched */
  #checkFile(recording: Wanted): void {
    const { state, startUs } = recording.file;
    if (state === 'broken') {
      throw leftOut('damaged', 'the box cannot read it');
    }
    if (state === 'growing') {
      throw leftOut('busy', 'the box still writes it: fetch again after its recording has ended');
    }
    if (startUs / 1000 > this.#deps.clock.wallMs()) {
      throw leftOut('future', 'its time is in the future');
    }
    if (this.#isOld(recording)) {
      throw leftOut('old', 'it is older than recordDeleteAfter of the path: it would be deleted here');
    }
  }

  #isOld({ group, path, file: { startUs, durationUs } }: Wanted): boolean {
    const { recordDeleteAfterMs: keptMs } = this.#settingsOf(path);
    const endUs = startUs + durationUs;
    const isOld = keptMs > 0 && endUs / 1000 < this.#deps.clock.wallMs() - keptMs;
    return isOld && !this.#protected.covers(group, startUs, endUs);
  }

  /** @returns the draft, which may have a beginning of this recording */
  async #prepare(wanted: string, file: RecordedFile, report: JobReport): Promise<string> {
    const folder = dirname(wanted);
    await makeFolder(folder, RECORDINGS_MODE);
    const draft = draftOf(wanted, file);
    const { bytes } = file;
    if (this.#memory.draft !== draft) {
      await this.discard();
    }
    const { bavail, blocks, bsize } = await statfs(folder);
    const keptBytes = (await statOf(draft))?.size ?? 0;
    // Retention must not delete recordings to make room for this one.
    if (bavail * bsize < bytes - Math.min(bytes, keptBytes) + this.#deps.minFreeBytes(blocks * bsize)) {
      const text = `no room in ${folder}: recordMinFree keeps the rest of the disk free; it continues when there is room`;
      throw new PerchError('exhausted', text, { why: 'full' });
    }
    this.#memory = { draft };
    await report.keep(this.#memory);
    return draft;
  }

  /** @returns whether the path has recordings of all of it @throws PerchError if it has recordings of a part of it */
  async #isRecorded(path: string, file: RecordedFile, durationUs: number): Promise<boolean> {
    const { playback, clock } = this.#deps;
    const recordedUs = this.#recordedUs.get(path) ?? recordedUsOf(playback, path, () => clock.monoMs());
    this.#recordedUs.set(path, recordedUs);
    const us = await recordedUs(file.startUs, file.startUs + durationUs);
    if (us <= Math.min(MAX_OVERLAP_US, durationUs / 2)) {
      return false;
    }
    if (durationUs - us > MAX_OVERLAP_US) {
      const [seconds, ofSeconds] = [us, durationUs].map((one) => Math.round(one / 1e6));
      throw leftOut('overlap', `the path has recordings of ${seconds} of its ${ofSeconds} seconds`);
    }
    this.#present.add(fileKey(path, file));
    return true;
  }

  #settingsOf(path: string) {
    const settings = this.#deps.settingsOf(path);
    if (!settings) {
      throw new PerchError('notFound', `path '${path}' is not configured any more: add it again, or cancel`, {
        why: 'path',
      });
    }
    return settings;
  }

  #fileOf(path: string, { nameUs, format }: RecordedFile): string {
    return formatRecordPath(this.#settingsOf(path).recordPath, path, nameUs / 1000, this.#deps.zone, format);
  }
}

const draftOf = (wanted: string, { nameUs }: RecordedFile): string =>
  join(dirname(wanted), `.fetch-${nameUs}.part${wanted.endsWith('.ts') ? '.ts' : ''}`);

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

/** @returns undefined: the box has deleted it @throws the error, if it concerns more than this file */
function leftFileOf(name: string, error: unknown): LeftFile | undefined {
  if (!(error instanceof PerchError)) {
    throw error;
  }
  const { code, context } = error;
  if (code === 'notFound' && context['why'] === undefined) {
    return undefined;
  }
  if (code !== 'badInput') {
    throw error;
  }
  const why = typeof context['why'] === 'string' ? whyOf(error) : 'unreadable';
  return { file: name, why, reason: explain(error) };
}

const statOf = (file: string) => stat(file).catch(unlessGone);

function unlessGone(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') {
    throw error;
  }
}
