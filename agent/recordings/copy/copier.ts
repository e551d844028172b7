import { realpath, rm, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { makeFolder, syncFolder } from '../../base/files/durable-file.ts';
import type { Playback } from '../../playback/playback.ts';
import { codeOf } from '../../record/file/disk-fault.ts';
import { formatRecordPath } from '../../record/file/record-path.ts';
import { removeCompanions } from '../../record/snapshots/companion-files.ts';
import { copyCompanions, finishCopy, syncFile } from './copy-companions.ts';
import { haveSameBytes, type ImportPace, requireCopy } from './copy-file.ts';
import { leftOut, whyOf } from './left-file.ts';
import { draftIn, placeNew, RECORDINGS_MODE, removeEmpty, removeLeftDrafts, tryLink } from './place-file.ts';
import { RecordedTimes } from './recorded.ts';
import type { OpenRecording, Outcome, RecordingList, SourceRecording } from './recording-list.ts';
import type { JobReport } from './transfer-kind.ts';

/** Interval of saves: what was done since the last one is found again after a power cut. */
const SAVE_MS = 5_000;

export interface CopierDeps {
  readonly clock: Pick<Clock, 'wallMs' | 'monoMs'>;
  readonly playback: Pick<Playback, 'measure'>;
  /** Whether a recorder writes the file. Undefined: that is not known, and the time of the last change decides. */
  readonly isOpen?: (file: string) => boolean;
  /** Why nothing may be written there, or undefined if it may. */
  readonly refusal: (file: string) => string | undefined;
  /** Bytes that stay free on a disk of this size. */
  readonly minFreeBytes: (diskBytes: number) => number;
  /** What a person is told of a full disk. */
  readonly whenRoom?: string;
  /** IANA name of the time zone, or undefined for the machine's zone. */
  readonly zone?: string;
}

/** State with which a later copier continues. A list has fields of its own. */
interface CopierMemory {
  /** The recording that is moved. */
  readonly current?: { readonly from: string; readonly to: string };
  /** A beginning of the recording that is copied. */
  readonly draft?: string;
}

/**
 * Copies recordings to the disks of this box. Never overwrites, leaves out what the path has recordings of, and leaves
 * the room that recording needs. At every moment a complete file exists.
 */
export class Copier {
  readonly #list: RecordingList;
  readonly #deps: CopierDeps;
  #memory: CopierMemory;
  #savedMs: number;
  /** Folders without drafts that a power cut left. */
  readonly #cleaned = new Set<string>();
  readonly #recorded: RecordedTimes;

  constructor(list: RecordingList, memory: CopierMemory, deps: CopierDeps) {
    this.#list = list;
    this.#deps = deps;
    this.#memory = memory;
    this.#recorded = new RecordedTimes(deps);
    this.#savedMs = deps.clock.monoMs();
    if (memory.current) {
      // Both files may be there: neither is listed twice until that is settled.
      list.moves?.hold([memory.current.from, memory.current.to]);
    }
  }

  get memory(): CopierMemory {
    return this.#memory;
  }

  /** Copies what is left. @throws PerchError while nothing can be copied, after which it is called again; the reason of the signal */
  async run(report: JobReport, pace: ImportPace): Promise<void> {
    await this.#list.begin?.(pace);
    await this.#settle(pace);
    let taken: number;
    do {
      pace.signal.throwIfAborted();
      taken = await this.#pass(report, pace);
    } while (await this.#list.again?.(taken, pace.signal));
    await this.discard();
    await this.#list.end?.(pace);
  }

  /** Removes the draft of an incomplete recording. */
  async discard(): Promise<void> {
    const { current, draft } = this.#memory;
    if (draft !== undefined) {
      await rm(draft, { force: true });
      // Without this, a power cut brings the draft back.
      await syncFolder(dirname(draft)).catch(unlessGone);
    }
    this.#release();
    if (draft !== undefined || current) {
      this.#memory = {};
    }
  }

  /** Completes a move that was interrupted between two steps. */
  async #settle(pace: ImportPace): Promise<void> {
    const { from, to } = this.#memory.current ?? {};
    if (from === undefined || to === undefined) {
      return;
    }
    const there = await statOf(to);
    if (there) {
      await removeLeftDrafts(dirname(to));
    }
    // A disk without hard links: the copy was about to get this name.
    if (there?.size === 0) {
      await unlink(to);
    } else if (there && (await statOf(from))) {
      await this.#moveOver(from, to, pace).catch(unlessLeftOut);
    } else if (there) {
      await removeCompanions(from);
    }
    this.#release();
    this.#memory = {};
  }

  /** Ends the hold of the constructor. */
  #release(): void {
    const { current } = this.#memory;
    if (current) {
      this.#list.moves?.hold([current.from, current.to])();
    }
  }

  /** @returns how many recordings were taken */
  async #pass(report: JobReport, pace: ImportPace): Promise<number> {
    const isOnly = !this.#list.again;
    const { files, bytes } = await this.#list.sum(pace);
    report.left(files, bytes);
    if (!isOnly) {
      report.forgetLeftOut();
    }
    let taken = 0;
    for await (const recording of this.#list.recordings(pace.signal)) {
      pace.signal.throwIfAborted();
      const { name, sizeBytes } = recording;
      report.begin(name);
      const outcome = await this.#take(recording, report, pace).catch(async (error: unknown) => {
        pace.signal.throwIfAborted();
        const fault = (await this.#list.faultOf?.(error, name)) ?? error;
        if (isGone(fault) || (await isVanished(fault, recording.file))) {
          return 'gone';
        }
        if (!(fault instanceof PerchError && fault.code === 'badInput')) {
          throw fault;
        }
        report.leftOut({ file: name, why: whyOf(fault), reason: explain(fault) });
        return undefined;
      });
      if (outcome) {
        await recording.ended?.(outcome);
      }
      if (outcome === 'present') {
        report.isPresent();
      }
      taken += outcome === 'taken' ? 1 : 0;
      if (isOnly || (outcome && outcome !== 'gone')) {
        report.done(sizeBytes);
      }
      await this.#noteDone(recording, report);
    }
    if (isOnly) {
      await report.keep(this.#memory);
    }
    return taken;
  }

  async #noteDone({ after }: SourceRecording, report: JobReport): Promise<void> {
    const nowMs = this.#deps.clock.monoMs();
    if (after) {
      this.#memory = after;
      if (nowMs - this.#savedMs >= SAVE_MS) {
        this.#savedMs = nowMs;
        // The save at the end of the pass may fail.
        await report.keep(after).catch(() => {});
      }
    }
  }

  async #take(recording: SourceRecording, report: JobReport, pace: ImportPace): Promise<Outcome> {
    const target = await recording.check();
    if (typeof target === 'string') {
      return target;
    }
    const { recordPath, nameUs, format } = target;
    const wanted = formatRecordPath(recordPath, recording.path, nameUs / 1000, this.#deps.zone, format);
    const release = recording.file === undefined ? undefined : this.#list.moves?.keep?.(recording.file);
    try {
      return await this.#takeTo(wanted, recording, report, pace);
    } finally {
      release?.();
    }
  }

  async #takeTo(
    wanted: string,
    recording: SourceRecording,
    report: JobReport,
    pace: ImportPace,
  ): Promise<Exclude<Outcome, 'gone'>> {
    this.#requireDisk(wanted);
    const { path, file } = recording;
    const { moves, isNamedByTime = false } = this.#list;
    if (moves && file !== undefined) {
      await report.keep({ current: { from: file, to: wanted } });
    }
    if (await this.#isTaken(wanted, recording)) {
      if (moves && file !== undefined) {
        // An earlier run may have ended before it deleted the original.
        return this.#moveOver(file, wanted, pace);
      }
      if (isNamedByTime) {
        return 'present';
      }
      throw leftOut('taken', 'another recording has its name here');
    }
    const opened = await recording.open();
    try {
      if (opened.times && (await this.#recorded.has(path, opened.times))) {
        return 'present';
      }
      return await this.#copy(wanted, recording, opened, report, pace);
    } finally {
      await opened.close?.();
    }
  }

  /** Whether a file has the name. An empty one is removed: on a disk without hard links it took the name before a power cut. */
  async #isTaken(wanted: string, { draft }: SourceRecording): Promise<boolean> {
    const { clock, isOpen } = this.#deps;
    const folder = dirname(wanted);
    if (!this.#cleaned.has(folder)) {
      this.#cleaned.add(folder);
      await removeLeftDrafts(folder).catch(unlessGone);
    }
    const there = await statOf(wanted);
    const isOfImport = this.#list.isNamedByTime && isOpen && !isOpen(wanted);
    const isOfDraft = draft !== undefined && this.#memory.draft === join(folder, draft);
    const nowMs = isOfImport || isOfDraft ? Number.POSITIVE_INFINITY : clock.wallMs();
    return there !== undefined && !(await removeEmpty(wanted, there, nowMs));
  }

  async #copy(
    wanted: string,
    recording: SourceRecording,
    opened: OpenRecording,
    report: JobReport,
    pace: ImportPace,
  ): Promise<Exclude<Outcome, 'gone'>> {
    const { path, file } = recording;
    const { moves } = this.#list;
    const folder = dirname(wanted);
    await makeFolder(folder, RECORDINGS_MODE);
    const draft = recording.draft === undefined ? draftIn(folder) : join(folder, recording.draft);
    const release = moves?.hold([wanted]);
    try {
      let times = opened.times;
      if (!(opened.canBeLinked && file !== undefined && (await linkTo(file, draft)))) {
        await this.#prepare(draft, recording, report);
        const before = moves && file !== undefined ? await stat(file) : undefined;
        const written = await opened.write(draft, this.#guarded(wanted, pace), (bytes) => report.bytes(bytes));
        if (written.times && (await this.#recorded.has(path, written.times))) {
          await this.discard();
          return 'present';
        }
        times = written.times ?? times;
        await finishCopy(draft, written.modifiedMs);
        if (before && file !== undefined) {
          await requireCopy(file, draft, before, pace);
        }
      }
      if (file !== undefined) {
        // The companions come first: a recording that has its name is not looked at again.
        await copyCompanions(file, wanted);
      }
      await placeNew(draft, wanted);
      if (times) {
        this.#recorded.take(path, times);
      }
      if (moves && file !== undefined) {
        await this.#removeOriginal(file, wanted);
      }
    } finally {
      release?.();
      if (recording.draft === undefined) {
        await rm(draft, { force: true });
      }
    }
    await this.discard();
    return 'taken';
  }

  /** Checks the room for a draft, and stores its name if it can be resumed. */
  async #prepare(draft: string, recording: SourceRecording, report: JobReport) {
    if (this.#memory.draft !== draft) {
      await this.discard();
    }
    if (recording.draft === undefined) {
      await rm(draft, { force: true });
    }
    const folder = dirname(draft);
    const { bavail, blocks, bsize } = await statfs(folder);
    const { file } = recording;
    const sizeBytes = file === undefined ? recording.sizeBytes : (await stat(file)).size;
    const keptBytes = Math.min(sizeBytes, (await statOf(draft))?.size ?? 0);
    // Retention must not delete recordings to make room for the copy. An original that retention has to keep counts, too.
    const neededBytes = (this.#list.moves?.keep ? 2 : 1) * sizeBytes - keptBytes;
    if (bavail * bsize < neededBytes + this.#deps.minFreeBytes(blocks * bsize)) {
      const { whenRoom = 'it continues when there is room' } = this.#deps;
      const text = `no room in ${folder}: recordMinFree keeps the rest of the disk free; ${whenRoom}`;
      throw new PerchError('exhausted', text, { why: 'full' });
    }
    if (recording.draft !== undefined) {
      this.#memory = { draft };
      await report.keep(this.#memory);
    }
  }

  /** Deletes the original of a move whose copy is there. @throws PerchError if another recording has its name */
  async #moveOver(from: string, to: string, pace: ImportPace): Promise<'taken' | 'present'> {
    if ((await realpath(from)) === (await realpath(to))) {
      return 'present';
    }
    if ((await stat(from)).size !== (await stat(to)).size || !(await haveSameBytes(from, to, pace))) {
      throw leftOut('taken', 'another recording has its name there');
    }
    // The run that wrote the copy may have ended before its bytes were on the disk.
    await syncFile(to);
    await syncFolder(dirname(to));
    await this.#removeOriginal(from, to);
    return 'taken';
  }

  /** Makes the index refer to the copy, and deletes the original. Both files are complete and equal. */
  async #removeOriginal(from: string, to: string): Promise<void> {
    const { moves } = this.#list;
    const release = moves?.hold([from, to]);
    try {
      await copyCompanions(from, to);
      moves?.moved(from, to, (await stat(to)).mtimeMs);
      await unlink(from);
      await removeCompanions(from);
      // Otherwise a power cut would bring the original back.
      await syncFolder(dirname(from));
    } finally {
      release?.();
    }
  }

  #requireDisk(wanted: string): void {
    const away = this.#deps.refusal(wanted);
    if (away !== undefined) {
      throw new PerchError('unavailable', away, { why: 'away' });
    }
  }

  /** Waits as the pace does, and ends when the disk of the recordings is away. */
  #guarded(wanted: string, pace: ImportPace): ImportPace {
    return {
      signal: pace.signal,
      begin: () => pace.begin?.(),
      wait: async () => {
        this.#requireDisk(wanted);
        await pace.wait();
      },
    };
  }
}

/** A draft that is a hard link of the file. @returns false if the file system cannot link them */
async function linkTo(file: string, draft: string): Promise<boolean> {
  await rm(draft, { force: true });
  return tryLink(file, draft);
}

/** Whether its owner has deleted the recording since it was listed. */
const isGone = (fault: unknown): boolean =>
  fault instanceof PerchError && fault.code === 'notFound' && fault.context['why'] === undefined;

/** Whether the file was deleted since it was listed. */
const isVanished = async (fault: unknown, file: string | undefined): Promise<boolean> =>
  file !== undefined && codeOf(fault) === 'ENOENT' && !(await statOf(file));

/** The pass names the recording that is left out. */
function unlessLeftOut(error: unknown): undefined {
  if (!(error instanceof PerchError && error.code === 'badInput')) {
    throw error;
  }
}

const statOf = (file: string) => stat(file).catch(unlessGone);

function unlessGone(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') {
    throw error;
  }
}
