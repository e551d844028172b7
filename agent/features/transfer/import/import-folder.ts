import { access, constants, link, lstat, open, realpath, rm, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { explain, PerchError } from '../../../base/errors.ts';
import { makeFolder } from '../../../base/files/durable-file.ts';
import { type ReadInfo, readSegmentInfo } from '../../../playback/index/segment-info.ts';
import { formatRecordPath, recordFormatOf } from '../../../record/file/record-path.ts';
import { RECORDING_MODE } from '../../../record/file/segment-fs.ts';
import { zoneOffsetMs } from '../../../record/file/time-zone.ts';
import { removeCompanions } from '../../../record/snapshots/companion-files.ts';
import { copyCompanions, finishCopy } from '../../../recordings/copy/copy-companions.ts';
import { copyTo, haveSameBytes, type ImportPace, openSource } from '../../../recordings/copy/copy-file.ts';
import { type LeftFile, leftOut, whyOf } from '../../../recordings/copy/left-file.ts';
import {
  BUSY_MS,
  draftIn,
  placeNew,
  RECORDINGS_MODE,
  removeEmpty,
  removeLeftDrafts,
  tryLink,
} from '../../../recordings/copy/place-file.ts';
import { rewriteMp4 } from '../../../recordings/copy/rewrite-mp4.ts';
import { timeOfName } from './name-time.ts';
import { namesBelow } from './names-below.ts';
import { SourceFolder } from './source-folder.ts';

/** Names with whole seconds let files that follow each other overlap. */
const MAX_OVERLAP_US = 1_500_000;

interface ImportTarget {
  readonly path: string;
  readonly recordPath: string;
  /** Age at which the path's recordings are deleted; 0: they are kept. */
  readonly deleteAfterMs: number;
  /** Bytes that stay free on a disk of this size. */
  readonly minFreeBytes: (diskBytes: number) => number;
  /** Makes hard links on the same disk, where no file has to be rewritten. */
  readonly isLinked: boolean;
  /** Files of Perch and MediaMTX are deleted once their copies have the same bytes. */
  readonly isMoved?: boolean;
  /** Frigate's name of the camera; undefined: the folder has recordings of one camera. */
  readonly camera: string | undefined;
  /** Selects files by name. Others are treated as if they were not there. */
  readonly only?: (name: string) => boolean;
  readonly nowMs: () => number;
  /** IANA name of the time zone; undefined: the box's zone. */
  readonly zone?: string;
  /** How much of a range the path's recordings cover, in microseconds. Not called for files that are moved. */
  readonly recordedUs?: (startUs: number, endUs: number) => Promise<number>;
  /** Whether a recorder writes the file. Undefined: that is not known, and the time of the last change decides. */
  readonly isOpen?: (file: string) => boolean;
  /** Whether the file is a recording of this Perch already. */
  readonly isOwn?: (file: string) => boolean;
  /** Called after each chunk of a file, with its number of bytes. */
  readonly onBytes?: (name: string, bytes: number) => void;
}

export interface ImportReport {
  /** All files that were found, and the sum of their sizes. */
  readonly files: number;
  readonly bytes: number;
  readonly doneFiles: number;
  readonly doneBytes: number;
  readonly taken: number;
  readonly takenBytes: number;
  /** Number of files whose times the path has recordings of. */
  readonly present: number;
  /** Files that were left out, with names below the folder. The list grows. */
  readonly left: readonly LeftFile[];
  /** The last file that is done. */
  readonly last: string | undefined;
}

const NOTHING_YET: ImportReport = {
  files: 0,
  bytes: 0,
  doneFiles: 0,
  doneBytes: 0,
  taken: 0,
  takenBytes: 0,
  present: 0,
  left: [],
  last: undefined,
};

/**
 * Takes the recordings of other programs below a folder into those of a path, by their times. Never overwrites, and
 * leaves out what the path has recordings of.
 * @param onProgress after each file
 * @param former what an import that was ended has reported; with `last` alone the counts begin anew
 * @returns what was done when the signal ended it
 * @throws PerchError when nothing more can be taken: the disk is full, for example
 */
export async function importFolder(
  folder: string,
  target: ImportTarget,
  pace: ImportPace,
  onProgress: (report: ImportReport) => void = () => {},
  former: Partial<ImportReport> = {},
): Promise<ImportReport> {
  const { only = () => true } = target;
  const begun = { ...NOTHING_YET, ...former };
  const left: LeftFile[] = [...begun.left];
  const onUnread = (name: string): void => {
    if (target.only === undefined && begun.last === undefined) {
      left.push({ file: name, why: 'unreadable', reason: 'the folder cannot be read' });
    }
  };
  const source = await SourceFolder.open(folder);
  const files = inOrder((await namesBelow(folder, { onUnread })).filter(only), target.zone);
  const work = new FolderImport(folder, cameraOf(files, target), target, pace);
  const sizes = new Map<string, number>();
  for (const { name } of files) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    sizes.set(name, found?.size ?? 0);
  }
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  let report: ImportReport = { ...begun, left, files: files.length, bytes };
  // If the last file is gone, the import begins with the first file again.
  const next = begun.last === undefined ? 0 : 1 + files.findIndex(({ name }) => name === begun.last);
  onProgress(report);
  for (const { name, startUs } of files.slice(next)) {
    const sizeBytes = sizes.get(name) ?? 0;
    const done = { last: name, doneFiles: report.doneFiles + 1, doneBytes: report.doneBytes + sizeBytes };
    try {
      pace.signal.throwIfAborted();
      const takenBytes = await work.take(name, startUs);
      report =
        takenBytes === undefined
          ? { ...report, ...done, present: report.present + 1 }
          : { ...report, ...done, taken: report.taken + 1, takenBytes: report.takenBytes + takenBytes };
    } catch (error) {
      if (pace.signal.aborted) {
        return report;
      }
      const fault = error instanceof PerchError ? error : await source.faultOf(error, name);
      if (fault.code === 'exhausted' || fault.context['why'] === 'away') {
        throw fault;
      }
      left.push({ file: name, why: whyOf(fault), reason: explain(fault) });
      report = { ...report, ...done };
    }
    onProgress(report);
  }
  return report;
}

interface NamedFile {
  readonly name: string;
  /** Unix microseconds; undefined: its name has no time. */
  readonly startUs: number | undefined;
  /** Frigate's name of the camera; undefined: the file is not from Frigate's folders. */
  readonly camera: string | undefined;
}

/** Sorted by start: at each file, `#takenUntilUs` is the latest end of the recordings taken that begin before it. */
export function inOrder(names: readonly string[], zone: string | undefined): NamedFile[] {
  const files = names.map(
    (name): NamedFile => ({ startUs: undefined, camera: undefined, ...timeOfName(name, zone), name }),
  );
  return files.sort((a, b) => (a.startUs ?? 0) - (b.startUs ?? 0) || (a.name < b.name ? -1 : 1));
}

/** @throws PerchError if it is not clear which camera is meant */
function cameraOf(files: readonly NamedFile[], { camera }: ImportTarget): string | undefined {
  const cameras = [...new Set(files.map((file) => file.camera).filter((one) => one !== undefined))].sort();
  const known = cameras.join(', ');
  const context = { why: 'camera', cameras: known };
  if (camera !== undefined && !cameras.includes(camera)) {
    const others = known && `, but ${known}`;
    throw new PerchError('notFound', `the folder has no camera '${camera}' of Frigate${others}`, context);
  }
  if (camera === undefined && cameras.length > 1) {
    throw new PerchError('badInput', `the folder has several cameras: add --camera with one of ${known}`, context);
  }
  return camera;
}

type OnBytes = (bytes: number) => void;

class FolderImport {
  readonly #folder: string;
  readonly #camera: string | undefined;
  readonly #target: ImportTarget;
  readonly #pace: ImportPace;
  /** Folders without drafts of earlier imports. */
  readonly #cleaned = new Set<string>();
  /** Latest end of the recordings that were taken, in Unix microseconds. */
  #takenUntilUs = 0;

  constructor(folder: string, camera: string | undefined, target: ImportTarget, pace: ImportPace) {
    this.#folder = folder;
    this.#camera = camera;
    this.#target = target;
    this.#pace = pace;
  }

  /** @returns the size of the recording; undefined: it is there already */
  async take(name: string, startUs: number | undefined): Promise<number | undefined> {
    const { path, recordPath, zone, isMoved, nowMs, isOpen } = this.#target;
    const file = join(this.#folder, name);
    if (this.#target.isOwn?.(file)) {
      return undefined;
    }
    const startMs = this.#startOf(name, startUs);
    if (!/\.(?:mp4|ts)$/i.test(name)) {
      throw leftOut('foreign', 'it is neither an MP4 nor an MPEG-TS file');
    }
    const found = await lstat(file);
    if (!found.isFile()) {
      throw leftOut('foreign', 'it is no regular file');
    }
    if (found.size === 0) {
      throw leftOut('damaged', 'it is empty');
    }
    if (Math.abs(nowMs() - found.mtimeMs) < BUSY_MS) {
      throw leftOut('busy', 'it was changed within the last minute, and may still be written');
    }
    await access(file, constants.R_OK).catch((cause: unknown) => {
      throw new PerchError('unavailable', 'it cannot be read', { why: 'unreadable' }, cause);
    });
    const format = /\.ts$/i.test(name) ? 'mpegts' : 'fmp4';
    const wanted = formatRecordPath(recordPath, path, startMs, zone, format);
    const there = await stat(wanted).catch(() => undefined);
    await this.#removeDrafts(dirname(wanted), there !== undefined);
    const since = isOpen && !isOpen(wanted) ? Number.POSITIVE_INFINITY : nowMs();
    if (there && !(await removeEmpty(wanted, there, since))) {
      // An earlier call may have ended before it deleted the file.
      return isMoved && (await this.#removeMoved(file, wanted)) ? found.size : undefined;
    }
    await this.#prepare(wanted, name, found.size);
    const draft = draftIn(dirname(wanted));
    let durationMs: number | undefined;
    try {
      durationMs = await this.#write(file, draft, startMs, (bytes) => this.#target.onBytes?.(name, bytes));
      if (durationMs === undefined) {
        return undefined;
      }
      // The companions come first: a recording that has its name is not looked at again.
      await copyCompanions(file, wanted);
      await placeNew(draft, wanted);
    } finally {
      await rm(draft, { force: true });
    }
    this.#takenUntilUs = Math.max(this.#takenUntilUs, (startMs + durationMs) * 1000);
    if (isMoved) {
      await this.#removeMoved(file, wanted);
    }
    return (await stat(wanted)).size;
  }

  /** @returns Unix milliseconds @throws PerchError for a time that is not taken */
  #startOf(name: string, startUs: number | undefined): number {
    const { deleteAfterMs, nowMs, zone } = this.#target;
    if (startUs === undefined) {
      throw leftOut('noTime', 'its name has no date and time: name it like 2026-01-31_18-00-00.mp4');
    }
    if (this.#camera !== undefined) {
      const { camera = 'of another name' } = timeOfName(name, zone) ?? {};
      if (camera !== this.#camera) {
        throw leftOut('otherCamera', `it is of the camera ${camera}`);
      }
    }
    const startMs = startUs / 1000;
    if (startMs > nowMs()) {
      throw leftOut('future', 'its time is in the future');
    }
    if (deleteAfterMs > 0 && startMs < nowMs() - deleteAfterMs) {
      throw leftOut('old', 'it is older than recordDeleteAfter of the path: Perch would delete it');
    }
    return startMs;
  }

  async #prepare(wanted: string, name: string, sizeBytes: number): Promise<void> {
    const folder = dirname(wanted);
    await makeFolder(folder, RECORDINGS_MODE);
    const { bavail, blocks, bsize } = await statfs(folder);
    if (bavail * bsize < sizeBytes + this.#target.minFreeBytes(blocks * bsize)) {
      const text = `no room for ${name}: recordMinFree keeps the rest of the disk free`;
      throw new PerchError('exhausted', text, { why: 'full' });
    }
    await this.#removeDrafts(folder, true);
  }

  /** Removes drafts of imports that a power cut ended. */
  async #removeDrafts(folder: string, isThere: boolean): Promise<void> {
    if (isThere && !this.#cleaned.has(folder)) {
      this.#cleaned.add(folder);
      await removeLeftDrafts(folder);
    }
  }

  /** @returns its duration; undefined: the path has recordings of all of it */
  async #write(file: string, draft: string, startMs: number, onBytes: OnBytes): Promise<number | undefined> {
    const known = await readSegmentInfo(file, { isBeingWritten: false }).catch(unlessFault);
    const format = recordFormatOf(file.toLowerCase());
    // It is a recording of MediaMTX or Perch, or MPEG-TS.
    if (known && (format === 'mpegts' || known.info.mark || known.info.fileMark)) {
      return this.#copy(file, draft, startMs, known.info, onBytes);
    }
    if (format === 'mpegts') {
      throw leftOut('damaged', 'it is no MPEG-TS stream that Perch reads');
    }
    if (this.#target.isMoved) {
      const text = 'neither Perch nor MediaMTX recorded it, so Perch has to rewrite it: import it without --move';
      throw leftOut('foreign', text);
    }
    return this.#rewrite(file, draft, startMs, onBytes);
  }

  async #copy(
    file: string,
    draft: string,
    startMs: number,
    info: ReadInfo['info'],
    onBytes: OnBytes,
  ): Promise<number | undefined> {
    const { isLinked, isMoved = false } = this.#target;
    const durationMs = info.durationUs / 1000;
    if (isMoved && !info.isFinished) {
      throw leftOut('unfinished', 'it is not finished: start Perch once with its folder as recordPath');
    }
    if (!isMoved && (await this.#isRecorded(startMs, durationMs))) {
      return undefined;
    }
    if (!(isLinked && (await tryLink(file, draft, link)))) {
      const source = await openSource(file);
      try {
        await copyTo(source, draft, this.#pace, onBytes);
      } finally {
        await source.close();
      }
      await finishCopy(draft, startMs, durationMs);
    }
    return durationMs;
  }

  async #rewrite(file: string, draft: string, startMs: number, onBytes: OnBytes): Promise<number | undefined> {
    const out = await open(draft, 'wx', RECORDING_MODE);
    try {
      const options = {
        offsetMinutes: Math.round(zoneOffsetMs(startMs, this.#target.zone) / 60_000),
        wait: () => this.#pace.wait(),
        onBytes,
        isWanted: async (durationMs: number) => !(await this.#isRecorded(startMs, durationMs)),
      };
      const durationMs = await rewriteMp4(file, out, options);
      if (durationMs !== undefined) {
        await out.utimes(startMs / 1000, (startMs + durationMs) / 1000);
      }
      return durationMs;
    } finally {
      await out.close();
    }
  }

  /** @returns whether the path has recordings of all of it @throws PerchError if it has recordings of a part of it */
  async #isRecorded(startMs: number, durationMs: number): Promise<boolean> {
    const [startUs, endUs] = [startMs * 1000, (startMs + durationMs) * 1000];
    const takenUs = Math.min(endUs, this.#takenUntilUs) - startUs;
    const recordedUs = Math.max(takenUs, (await this.#target.recordedUs?.(startUs, endUs)) ?? 0);
    if (recordedUs <= Math.min(MAX_OVERLAP_US, (endUs - startUs) / 2)) {
      return false;
    }
    if (endUs - startUs - recordedUs > MAX_OVERLAP_US) {
      const [seconds, ofSeconds] = [recordedUs, endUs - startUs].map((us) => Math.round(us / 1e6));
      throw leftOut('overlap', `the path has recordings of ${seconds} of its ${ofSeconds} seconds`);
    }
    return true;
  }

  /**
   * Deletes a recording whose copy has the same bytes, and its stills, once they are copied, too.
   * @returns false: it is the recording itself
   * @throws PerchError if another recording has its name
   */
  async #removeMoved(file: string, wanted: string): Promise<boolean> {
    if ((await realpath(file)) === (await realpath(wanted))) {
      return false;
    }
    if (!(await haveSameBytes(file, wanted, this.#pace))) {
      throw leftOut('taken', 'another recording of the path has its time');
    }
    await copyCompanions(file, wanted);
    await unlink(file);
    await removeCompanions(file);
    return true;
  }
}

function unlessFault(error: unknown): undefined {
  if (!(error instanceof PerchError)) {
    throw error;
  }
}
