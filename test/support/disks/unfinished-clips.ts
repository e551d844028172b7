import { readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { FragmentWalk, readInit } from '../../../agent/record/file/fragment-walk.ts';
import { recoverFile } from '../../../agent/record/recovery/recovery.ts';
import { record, WALL } from './recordings.ts';

/** Long after the files of these tests were written. */
export const LATER = WALL + 10 * 86_400_000;

interface Layout {
  readonly initBytes: number;
  readonly durationOffset: number;
  /** Position after the last byte of each fragment. */
  readonly ends: readonly number[];
}

export async function layoutOf(file: string): Promise<Layout> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  const init = await readInit(handle, size);
  const walk = new FragmentWalk(handle, init, size);
  const ends: number[] = [];
  while (await walk.next()) {
    ends.push(walk.offset);
  }
  return { initBytes: init.sizeBytes, durationOffset: init.durationOffset, ends };
}

export interface Clip {
  readonly file: string;
  /** Bytes of the finished file. */
  readonly whole: Buffer;
  /** Bytes of the file while it is being written: without its end and its duration. */
  readonly bytes: Buffer;
  readonly layout: Layout;
}

export async function clipOf(file: string): Promise<Clip> {
  const layout = await layoutOf(file);
  const whole = readFileSync(file);
  const bytes = Buffer.from(whole.subarray(0, layout.ends.at(-1)));
  bytes.writeUInt32BE(0, layout.durationOffset);
  return { file, whole, bytes, layout };
}

/** Four seconds, a part for each. */
export async function unfinished(folder: string): Promise<Clip> {
  const [file = ''] = await record(folder, 4, { sound: true });
  return clipOf(file);
}

/** Recovers a file truncated by a power cut, on a real disk. @returns its bytes afterwards */
export async function recovered(clip: Clip, left: Uint8Array) {
  writeFileSync(clip.file, left);
  const result = await recoverFile(clip.file, LATER);
  return { result, bytes: readFileSync(clip.file) };
}
