import { lstat, unlink, utimes, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { readRegularFile } from '../../base/files/open-regular-file.ts';
import { codeOf, unlessFileFault } from '../file/disk-fault.ts';
import { RECORDING_MODE } from '../file/segment-fs.ts';

export const MAX_SNAPSHOT_BYTES = 60_000;
/** Per recording, which may last a day: one every ten minutes, and some for events. */
export const MAX_SNAPSHOTS = 250;

export interface Snapshot {
  readonly file: string;
  /** Capture time, Unix milliseconds: the file's mtime. */
  readonly timeMs: number;
  readonly sizeBytes: number;
}

/**
 * `x.still1.jpg`, `x.still2.jpg`, … of `x.mp4`: not valid recording names, and found without reading a large folder.
 * @param number from 1
 */
export function snapshotName(recording: string, number: number): string {
  return `${recording.slice(0, recording.length - extname(recording).length)}.still${number}.jpg`;
}

export async function snapshotsOf(recording: string): Promise<Snapshot[]> {
  const stills: Snapshot[] = [];
  for (let number = 1; number <= MAX_SNAPSHOTS; number += 1) {
    const file = snapshotName(recording, number);
    const found = await lstat(file).catch(unlessFileFault);
    if (!found) {
      break;
    }
    stills.push({ file, timeMs: found.mtimeMs, sizeBytes: found.size });
  }
  return stills;
}

/** Saves a snapshot next to a recording. @returns undefined at the limit */
export async function saveSnapshot(recording: string, jpeg: Uint8Array, timeMs: number): Promise<Snapshot | undefined> {
  for (let number = (await snapshotsOf(recording)).length + 1; number <= MAX_SNAPSHOTS; number += 1) {
    const file = snapshotName(recording, number);
    try {
      await writeFile(file, jpeg, { flag: 'wx', mode: RECORDING_MODE });
    } catch (error) {
      if (codeOf(error) === 'EEXIST') {
        continue;
      }
      // A full disk creates an empty file.
      await unlink(file).catch(() => undefined);
      throw error;
    }
    await utimes(file, timeMs / 1000, timeMs / 1000);
    return { file, timeMs, sizeBytes: jpeg.length };
  }
  return undefined;
}

/** undefined if the file is gone, damaged by a power cut, or no picture of Perch, such as a link. */
export async function readSnapshot({ file }: Snapshot): Promise<Uint8Array | undefined> {
  return loadSnapshot(file).catch(unlessFileFault);
}

/** As `readSnapshot`. @throws an error of the file system */
export async function loadSnapshot(file: string): Promise<Uint8Array | undefined> {
  const bytes = (await readRegularFile(file, MAX_SNAPSHOT_BYTES))?.bytes;
  return bytes?.[0] === 0xff && bytes[1] === 0xd8 ? bytes : undefined;
}
