import { open } from 'node:fs/promises';
import type { Mp4Fragment } from '../../../agent/media/mp4/read/read.ts';
import { type FileMark, findFileMark } from '../../../agent/record/file/file-mark.ts';
import { FragmentWalk, readInit } from '../../../agent/record/file/fragment-walk.ts';
import { findStreamMark, type StreamMark } from '../../../agent/record/file/stream-mark.ts';

export interface ReadRecording {
  readonly file: string;
  readonly durationMs: number;
  readonly mark: StreamMark;
  readonly fileMark: FileMark | undefined;
  readonly fragments: readonly Mp4Fragment[];
  /** Samples of the first track. */
  readonly pictures: number;
  /** Bytes after the last fragment. */
  readonly tailBytes: number;
}

/** A recording parsed from its first byte on. */
export async function openRecording(file: string): Promise<ReadRecording> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  const init = await readInit(handle, size);
  const walk = new FragmentWalk(handle, init, size);
  const fragments: Mp4Fragment[] = [];
  for (let placed = await walk.next(); placed; placed = await walk.next()) {
    fragments.push(placed.fragment);
  }
  const runs = fragments.flatMap((fragment) => fragment.runs.filter((run) => run.trackId === 1));
  return {
    file,
    durationMs: init.durationMs,
    mark: findStreamMark(init.userData) as StreamMark,
    fileMark: findFileMark(init.userData),
    fragments,
    pictures: runs.reduce((sum, run) => sum + run.count, 0),
    tailBytes: size - walk.offset,
  };
}
