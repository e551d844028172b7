import type { Stats } from 'node:fs';
import { access, constants, lstat, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import { openClip } from '../../../paths/always-available/clip.ts';
import { readSegmentInfo } from '../../../playback/index/segment-info.ts';
import { type LeftFile, leftOut, whyOf } from '../../../recordings/copy/left-file.ts';
import type { ImportForecast } from '../../../recordings/copy/transfer-kind.ts';
import { timeOfName } from './name-time.ts';
import { namesBelow } from './names-below.ts';

const MAX_FILES = 200_000;
const MAX_GROUPS = 64;
/** Maximum number of files of a group that are read until its program is known. */
const MAX_READ = 3;
/** A folder for a year, a month, a day or an hour. */
const DATE_FOLDER = /^(?:\d{1,4}|\d{4}[-_.]\d{2}(?:[-_.]\d{2})?|\d{8})$/;
const FRIGATE = 'frigate:';

type Found = ImportForecast['groups'][number];

/** Files of one camera: of a camera of Frigate, or of a folder, whose folders for days belong to it. */
export function groupOf(name: string): string {
  const { camera } = timeOfName(name) ?? {};
  if (camera !== undefined) {
    return `${FRIGATE}${camera}`;
  }
  const folders = dirname(name) === '.' ? [] : dirname(name).split('/');
  while (DATE_FOLDER.test(folders.at(-1) ?? '')) {
    folders.pop();
  }
  return folders.join('/');
}

interface LookDeps {
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** Whether a file is a recording of this Perch already. */
  readonly isOwn: (file: string) => boolean;
}

/** Lists what a folder has, without reading more than a few of its files. */
export async function lookInto(folder: string, deps: LookDeps): Promise<ImportForecast> {
  const look: Look = { ...deps, folder, left: [], own: 0 };
  const onUnread = (file: string) => look.left.push({ file, why: 'unreadable', reason: 'the folder cannot be read' });
  const names = await namesBelow(folder, { max: MAX_FILES, signal: deps.signal, onUnread });
  const groups: Found[] = [];
  const byGroup = [...Map.groupBy(names, groupOf)].sort(([one], [other]) => (one < other ? -1 : 1));
  let shown = 0;
  for (const [group, files] of byGroup) {
    const found = await lookAt(group, files, look);
    shown += found.files > 0 ? 1 : 0;
    if (found.files > 0 && groups.length < MAX_GROUPS) {
      groups.push(found);
    }
  }
  return {
    groups,
    own: look.own,
    leftOut: { count: look.left.length, items: look.left.slice(0, 100) },
    isCut: names.length >= MAX_FILES || shown > MAX_GROUPS,
  };
}

interface Look extends LookDeps {
  readonly folder: string;
  readonly left: LeftFile[];
  own: number;
}

async function lookAt(group: string, names: readonly string[], look: Look): Promise<Found> {
  const isFrigate = group.startsWith(FRIGATE);
  let program: Found['program'] | undefined = isFrigate ? 'frigate' : undefined;
  let [files, bytes, firstUs, lastUs, read] = [0, 0, Number.POSITIVE_INFINITY, 0, 0];
  for (const name of names) {
    look.signal.throwIfAborted();
    const file = join(look.folder, name);
    if (look.isOwn(file)) {
      look.own += 1;
      continue;
    }
    const startUs = timeOfName(name)?.startUs ?? Number.NaN;
    const found = await checkFile(file, startUs, look.nowMs).catch((error: unknown) => {
      unlessExpected(error);
      const fault = error instanceof PerchError ? error : UNREADABLE;
      look.left.push({ file: name, why: whyOf(fault), reason: fault.message });
    });
    if (!found) {
      continue;
    }
    if (program === undefined && read < MAX_READ) {
      read += 1;
      program = await programOf(file);
    }
    files += 1;
    bytes += found.size;
    firstUs = Math.min(firstUs, startUs);
    lastUs = Math.max(lastUs, startUs);
  }
  const timeText = (us: number) => new Date(us / 1000).toISOString();
  return {
    group,
    program: program ?? 'unknown',
    files,
    bytes,
    name: isFrigate ? group.slice(FRIGATE.length) : group,
    first: files === 0 ? null : timeText(firstUs),
    last: files === 0 ? null : timeText(lastUs),
  };
}

const UNREADABLE = leftOut('unreadable', 'it cannot be read');

/** @param startUs NaN: its name has no time @throws PerchError if the file cannot be taken; an error of the file system */
export async function checkFile(file: string, startUs: number, nowMs: number): Promise<Stats> {
  const found = await lstat(file);
  if (Number.isNaN(startUs)) {
    throw leftOut('noTime', 'its name has no date and time: name it like 2026-01-31_18-00-00.mp4');
  }
  if (startUs / 1000 > nowMs) {
    throw leftOut('future', 'its time is in the future');
  }
  if (!/\.(?:mp4|ts)$/i.test(file)) {
    throw leftOut('foreign', 'it is neither an MP4 nor an MPEG-TS file');
  }
  if (!found.isFile()) {
    throw leftOut('foreign', 'it is no regular file');
  }
  if (found.size === 0) {
    throw leftOut('damaged', 'it is empty');
  }
  await access(file, constants.R_OK).catch(() => {
    throw UNREADABLE;
  });
  return found;
}

interface GroupUse {
  readonly files: number;
  readonly bytes: number;
  /** Number of files that started before the given time. */
  readonly old: number;
}

/** What would be taken of each group. @param beforeMs time by group: older files are not taken */
export async function usesOf(
  folder: string,
  beforeMs: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, GroupUse>> {
  const uses = new Map<string, GroupUse>();
  for (const name of await namesBelow(folder, { max: MAX_FILES, signal })) {
    const group = groupOf(name);
    const limitMs = beforeMs.get(group);
    const startUs = limitMs === undefined ? undefined : timeOfName(name)?.startUs;
    if (limitMs !== undefined && startUs !== undefined) {
      const { files, bytes, old } = uses.get(group) ?? { files: 0, bytes: 0, old: 0 };
      const isOld = startUs / 1000 < limitMs;
      const sizeBytes = isOld ? 0 : ((await stat(join(folder, name)).catch(() => undefined))?.size ?? 0);
      uses.set(group, {
        files: files + (isOld ? 0 : 1),
        bytes: bytes + sizeBytes,
        old: old + (isOld ? 1 : 0),
      });
    }
  }
  return uses;
}

/** The program that wrote a file, or undefined if the file does not show it. */
async function programOf(file: string): Promise<Found['program'] | undefined> {
  if (/\.ts$/i.test(file)) {
    return 'mpegts';
  }
  const known = await readSegmentInfo(file, { isBeingWritten: false }).catch(unlessExpected);
  if (known?.info.fileMark || known?.info.mark) {
    return known.info.fileMark ? 'perch' : 'mediamtx';
  }
  const clip = await openClip(file).catch(unlessExpected);
  await clip?.handle.close();
  return clip && 'mp4';
}

/** Handler for `catch`: files that are damaged or gone are expected. @throws any other error */
function unlessExpected(error: unknown): undefined {
  const isOfSystem = error instanceof Error && 'code' in error;
  if (!(error instanceof PerchError) && !isOfSystem) {
    throw error;
  }
}
