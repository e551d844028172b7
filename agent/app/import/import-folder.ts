import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  access,
  constants,
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../../base/durable-file.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { readSegmentInfo } from '../../playback/index/segment-info.ts';
import { codeOf } from '../../record/file/disk-fault.ts';
import { formatRecordPath, recordFormatOf } from '../../record/file/record-path.ts';
import { RECORDING_MODE } from '../../record/file/segment-fs.ts';
import { zoneOffsetMs } from '../../record/file/time-zone.ts';
import { removeSnapshots, snapshotName, snapshotsOf } from '../../record/snapshots/snapshot-files.ts';
import { timeOfName } from './name-time.ts';
import { rewriteMp4 } from './rewrite-mp4.ts';

/** A file that changed this recently may still be written. */
const BUSY_MS = 60_000;
const MAX_DEPTH = 32;

interface ImportTarget {
  readonly path: string;
  readonly recordPath: string;
  /** 0: they stay. */
  readonly deleteAfterMs: number;
  /** Stays free on a disk of this size. */
  readonly minFreeBytes: (diskBytes: number) => number;
  /** Hard links where no file has to be rewritten, on the same disk. */
  readonly isLinked: boolean;
  /** Files of Perch and MediaMTX are deleted once their copies have the same bytes. */
  readonly isMoved?: boolean;
  /** Of Frigate; undefined: the folder has those of one camera. */
  readonly camera: string | undefined;
  readonly nowMs: () => number;
  /** IANA name; undefined: the machine's zone. */
  readonly zone?: string;
}

interface ImportReport {
  readonly taken: number;
  readonly takenBytes: number;
  /** Taken before. */
  readonly present: number;
  /** By file, below the folder. */
  readonly left: readonly { readonly file: string; readonly reason: string }[];
}

/** A recording that is left out. */
const leftOut = (reason: string): PerchError => new PerchError('badInput', reason);

/**
 * Takes the recordings of other programs below a folder into those of a path, by their times. Never overwrites.
 * @param onProgress after each file
 * @throws PerchError when nothing more can be taken: the disk is full, for example
 */
export async function importFolder(
  folder: string,
  target: ImportTarget,
  signal: AbortSignal,
  onProgress: (report: ImportReport) => void = () => {},
): Promise<ImportReport> {
  const names = (await namesBelow(folder, '', 0)).sort();
  const camera = cameraOf(names, target);
  const cleaned = new Set<string>();
  const left: { readonly file: string; readonly reason: string }[] = [];
  let report: ImportReport = { taken: 0, takenBytes: 0, present: 0, left };
  for (const name of names) {
    if (signal.aborted) {
      return report;
    }
    try {
      const bytes = await take(join(folder, name), name, { camera, cleaned }, target);
      report =
        bytes === undefined
          ? { ...report, present: report.present + 1 }
          : { ...report, taken: report.taken + 1, takenBytes: report.takenBytes + bytes };
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw new PerchError('unavailable', `cannot take ${name}`, { folder }, error);
      }
      if (error.code === 'exhausted') {
        throw error;
      }
      left.push({ file: name, reason: explain(error) });
    }
    onProgress(report);
  }
  return report;
}

async function namesBelow(folder: string, below: string, depth: number): Promise<string[]> {
  const names: string[] = [];
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch((cause: unknown) => {
    throw new PerchError('notFound', `cannot read the folder ${join(folder, below)}`, { folder }, cause);
  });
  for (const entry of entries) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory() && depth < MAX_DEPTH) {
      names.push(...(await namesBelow(folder, name, depth + 1)));
    } else if (entry.isFile() && /\.(?:mp4|ts)$/i.test(entry.name)) {
      names.push(name);
    }
  }
  return names;
}

/** @throws PerchError if it is not clear which camera is meant */
function cameraOf(names: readonly string[], { camera, zone }: ImportTarget): string | undefined {
  const cameras = new Set(names.map((name) => timeOfName(name, zone)?.camera).filter((one) => one !== undefined));
  const known = [...cameras].join(', ');
  if (camera !== undefined && !cameras.has(camera)) {
    throw new PerchError('notFound', `the folder has no camera '${camera}' of Frigate${known && `, but ${known}`}`);
  }
  if (camera === undefined && cameras.size > 1) {
    throw new PerchError('badInput', `the folder has several cameras: add --camera with one of ${known}`);
  }
  return camera;
}

/**
 * @param cleaned folders without drafts of earlier imports
 * @returns the size of the recording; undefined: it is there already
 */
async function take(
  file: string,
  name: string,
  { camera, cleaned }: { readonly camera: string | undefined; readonly cleaned: Set<string> },
  target: ImportTarget,
): Promise<number | undefined> {
  const { path, recordPath, deleteAfterMs, zone, nowMs } = target;
  const time = timeOfName(name, zone);
  if (!time) {
    throw leftOut('its name has no date and time: name it like 2026-01-31_18-00-00.mp4');
  }
  if (camera !== undefined && time.camera !== camera) {
    throw leftOut(`it is of the camera ${time.camera ?? 'of another name'}`);
  }
  const startMs = time.startUs / 1000;
  if (startMs > nowMs()) {
    throw leftOut('its time is in the future');
  }
  if (deleteAfterMs > 0 && startMs < nowMs() - deleteAfterMs) {
    throw leftOut('it is older than recordDeleteAfter of the path: Perch would delete it');
  }
  const { size, mtimeMs } = await stat(file);
  if (Math.abs(nowMs() - mtimeMs) < BUSY_MS) {
    throw leftOut('it was changed within the last minute, and may still be written');
  }
  await access(file, constants.R_OK).catch((cause: unknown) => {
    throw new PerchError('unavailable', 'it cannot be read', {}, cause);
  });
  const format = /\.ts$/i.test(name) ? 'mpegts' : 'fmp4';
  const wanted = formatRecordPath(recordPath, path, startMs, zone, format);
  if (await stat(wanted).catch(() => undefined)) {
    // An earlier call may have ended before it deleted the file.
    return target.isMoved && (await removeMoved(file, wanted)) ? size : undefined;
  }
  await mkdir(dirname(wanted), { recursive: true, mode: 0o750 });
  const { bavail, blocks, bsize } = await statfs(dirname(wanted));
  if (bavail * bsize < size + target.minFreeBytes(blocks * bsize)) {
    throw new PerchError('exhausted', `no room for ${name}: recordMinFree keeps the rest of the disk free`);
  }
  const draft = join(dirname(wanted), `.import-${process.pid}.part`);
  if (!cleaned.has(dirname(wanted))) {
    cleaned.add(dirname(wanted));
    await removeLeftDrafts(dirname(wanted));
  }
  try {
    await write(file, draft, startMs, target);
    await place(draft, wanted);
  } finally {
    await rm(draft, { force: true });
  }
  await copyStills(file, wanted);
  if (target.isMoved) {
    await removeMoved(file, wanted);
  }
  return (await stat(wanted)).size;
}

async function write(file: string, draft: string, startMs: number, target: ImportTarget): Promise<void> {
  const { isLinked, isMoved = false, zone } = target;
  const known = await readSegmentInfo(file, { isBeingWritten: false }).catch(unlessFault);
  const format = recordFormatOf(file.toLowerCase());
  const isPlayable = format === 'mpegts' || known?.info.mark || known?.info.fileMark;
  if (known && isPlayable) {
    if (isMoved && !known.info.isFinished) {
      throw leftOut('it is not finished: start Perch once with its folder as recordPath');
    }
    // MediaMTX's, Perch's, or MPEG-TS.
    const isDone = isLinked && (await link(file, draft).then(() => true, unlessOtherDisk));
    if (!isDone) {
      await copyFile(file, draft, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      await finish(draft, startMs, known.info.durationUs / 1000);
    }
    return;
  }
  if (format === 'mpegts') {
    throw leftOut('it is no MPEG-TS stream that Perch reads');
  }
  if (isMoved) {
    throw leftOut('neither Perch nor MediaMTX recorded it, so Perch has to rewrite it: import it without --move');
  }
  const out = await open(draft, 'wx', RECORDING_MODE);
  try {
    const durationMs = await rewriteMp4(file, out, Math.round(zoneOffsetMs(startMs, zone) / 60_000));
    await out.utimes(startMs / 1000, (startMs + durationMs) / 1000);
  } finally {
    await out.close();
  }
}

function unlessFault(error: unknown): undefined {
  if (!(error instanceof PerchError)) {
    throw error;
  }
}

function unlessOtherDisk(error: unknown): false {
  if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes(codeOf(error) ?? '')) {
    throw error;
  }
  return false;
}

/** Of a copy. @param startMs,durationMs its times */
async function finish(file: string, startMs: number, durationMs: number): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.chmod(RECORDING_MODE);
    await handle.utimes(startMs / 1000, (startMs + durationMs) / 1000);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Deletes a recording whose copy has the same bytes, and its stills, once they are copied, too.
 * @returns false: it is the recording itself
 * @throws PerchError if another recording has its name
 */
async function removeMoved(file: string, wanted: string): Promise<boolean> {
  if ((await realpath(file)) === (await realpath(wanted))) {
    return false;
  }
  if ((await sha256Of(file)) !== (await sha256Of(wanted))) {
    throw leftOut('another recording of the path has its time');
  }
  await copyStills(file, wanted);
  await unlink(file);
  await removeSnapshots(file);
  return true;
}

async function copyStills(file: string, wanted: string): Promise<void> {
  const stills = await snapshotsOf(file);
  for (const [i, still] of stills.entries()) {
    const copy = snapshotName(wanted, i + 1);
    if (!(await stat(copy).catch(() => undefined))) {
      await copyFile(still.file, `${copy}.part`);
      await finish(`${copy}.part`, still.timeMs, 0);
      await rename(`${copy}.part`, copy);
    }
  }
  if (stills.length > 0) {
    await syncFolder(dirname(wanted));
  }
}

async function sha256Of(file: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    digest.update(chunk as Buffer);
  }
  return digest.digest('hex');
}

/** Of imports that a power cut ended. */
async function removeLeftDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid] = /^\.import-(\d+)\.part$/.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) {
      await rm(join(folder, name), { force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** Gives a file its name, which no other file has. */
async function place(draft: string, wanted: string): Promise<void> {
  try {
    await link(draft, wanted);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw leftOut('a recording with its time appeared meanwhile');
    }
    // A file system without hard links, as of sticks.
    unlessOtherDisk(error);
    await rename(draft, wanted);
  }
  await syncFolder(dirname(wanted));
}
