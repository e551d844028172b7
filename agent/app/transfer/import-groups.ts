import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import type { ImportForecast } from '../../http/api/recordings/transfer-routes.ts';
import { openClip } from '../../paths/always-available/clip.ts';
import { readSegmentInfo } from '../../playback/index/segment-info.ts';
import { namesBelow } from '../import/import-folder.ts';
import type { LeftFile } from '../import/left-file.ts';
import { timeOfName } from '../import/name-time.ts';

const MAX_FILES = 200_000;
const MAX_GROUPS = 64;
/** Of a group, until its program is known. */
const MAX_READ = 3;
const MAX_LEFT_SHOWN = 100;
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

/** What a folder has, without reading more than a few of its files. */
export async function lookInto(folder: string, nowMs: number, signal: AbortSignal): Promise<ImportForecast> {
  const names = await namesBelow(folder, MAX_FILES);
  const left: LeftFile[] = [];
  const groups: Found[] = [];
  const byGroup = [...Map.groupBy(names, groupOf)].sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [group, files] of byGroup.slice(0, MAX_GROUPS)) {
    groups.push(await lookAt(folder, group, files, { nowMs, signal, left }));
  }
  return {
    groups: groups.filter(({ files }) => files > 0),
    leftOut: { count: left.length, items: left.slice(0, MAX_LEFT_SHOWN) },
    isCut: names.length >= MAX_FILES || byGroup.length > MAX_GROUPS,
  };
}

interface Look {
  readonly nowMs: number;
  readonly signal: AbortSignal;
  readonly left: LeftFile[];
}

async function lookAt(folder: string, group: string, names: readonly string[], look: Look): Promise<Found> {
  const isFrigate = group.startsWith(FRIGATE);
  let program: Found['program'] | undefined = isFrigate ? 'frigate' : undefined;
  let [files, bytes, firstUs, lastUs, read] = [0, 0, Number.POSITIVE_INFINITY, 0, 0];
  for (const name of names) {
    look.signal.throwIfAborted();
    const startUs = timeOfName(name)?.startUs;
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (startUs === undefined || startUs / 1000 > look.nowMs || !found) {
      const why = startUs === undefined ? 'noTime' : found ? 'future' : 'unreadable';
      look.left.push({ file: name, why, reason: REASONS[why] });
      continue;
    }
    if (program === undefined && read < MAX_READ) {
      read += 1;
      program = await programOf(join(folder, name));
    }
    files += 1;
    bytes += found.size;
    firstUs = Math.min(firstUs, startUs);
    lastUs = Math.max(lastUs, startUs);
  }
  const timeText = (us: number) => new Date(us / 1000).toISOString();
  return {
    ...{ group, program: program ?? 'unknown', files, bytes },
    name: isFrigate ? group.slice(FRIGATE.length) : group,
    first: files === 0 ? null : timeText(firstUs),
    last: files === 0 ? null : timeText(lastUs),
  };
}

const REASONS = {
  noTime: 'its name has no date and time: name it like 2026-01-31_18-00-00.mp4',
  future: 'its time is in the future',
  unreadable: 'it cannot be read',
} as const;

/** undefined: this file does not show it. */
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

/** For `catch`: damaged, or gone. */
function unlessExpected(error: unknown): undefined {
  const isOfSystem = error instanceof Error && 'code' in error;
  if (!(error instanceof PerchError) && !isOfSystem) {
    throw error;
  }
}
