import { readFile, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { codeOf } from '../file/disk-fault.ts';
import { RECORDING_MODE } from '../file/segment-fs.ts';

/** What is kept of a picture. */
export const MAX_STILL_BYTES = 60_000;
/** Beside one recording, which may be of a day: a still each ten minutes, and some for events. */
export const MAX_STILLS = 250;

/** A JPEG beside a recording. */
export interface Still {
  readonly file: string;
  /** When it was taken, Unix milliseconds: the file's own time. */
  readonly timeMs: number;
  readonly sizeBytes: number;
}

/**
 * Stills of `x.mp4` are `x.still1.jpg`, `x.still2.jpg`, …: no recording can be called so, and nobody has to read a folder of many
 * thousand names to find them.
 * @param number from 1
 */
export function stillName(recording: string, number: number): string {
  return `${recording.slice(0, recording.length - extname(recording).length)}.still${number}.jpg`;
}

/** Those of a recording, in the order in which they were taken. */
export async function stillsOf(recording: string): Promise<Still[]> {
  const stills: Still[] = [];
  for (let number = 1; number <= MAX_STILLS; number += 1) {
    const file = stillName(recording, number);
    try {
      const { size, mtimeMs } = await stat(file);
      stills.push({ file, timeMs: mtimeMs, sizeBytes: size });
    } catch (error) {
      if (codeOf(error) === '') {
        throw error;
      }
      return stills;
    }
  }
  return stills;
}

/** Keeps a picture beside a recording. @returns undefined when there are as many as may be */
export async function keepStill(recording: string, jpeg: Uint8Array, timeMs: number): Promise<Still | undefined> {
  for (let number = (await stillsOf(recording)).length + 1; number <= MAX_STILLS; number += 1) {
    const file = stillName(recording, number);
    try {
      await writeFile(file, jpeg, { flag: 'wx', mode: RECORDING_MODE });
    } catch (error) {
      if (codeOf(error) === 'EEXIST') {
        continue;
      }
      // A disk that is full has made the file all the same.
      await unlink(file).catch(() => undefined);
      throw error;
    }
    await utimes(file, timeMs / 1000, timeMs / 1000);
    return { file, timeMs, sizeBytes: jpeg.length };
  }
  return undefined;
}

/** They go with their recording. What cannot be removed stays, and harms nobody. */
export async function removeStills(recording: string): Promise<void> {
  for (const { file } of await stillsOf(recording)) {
    await unlink(file).catch(() => undefined);
  }
}

/** The picture; undefined when it has gone, or a power cut has left something else in its place. */
export async function readStill({ file, sizeBytes }: Still): Promise<Uint8Array | undefined> {
  if (sizeBytes > MAX_STILL_BYTES) {
    return undefined;
  }
  try {
    const bytes = await readFile(file);
    return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes.length <= MAX_STILL_BYTES ? bytes : undefined;
  } catch (error) {
    if (codeOf(error) === '') {
      throw error;
    }
    return undefined;
  }
}
