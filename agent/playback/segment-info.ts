import { type FileHandle, open } from 'node:fs/promises';
import type { Mp4Track } from '../media/mp4/read-track.ts';
import { type FileInit, FragmentWalk, readInit } from '../record/fragment-walk.ts';
import { findStreamMark } from '../record/stream-mark.ts';

const QUARTER_HOUR_US = 15 * 60_000_000;
const LONGEST_MS = 100 * 86_400_000;
const DAY_US = 86_400_000_000;

/** What is known of a recording once its header has been read. */
export interface SegmentInfo {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Its header gives the length: it does not grow any more. */
  readonly isFinished: boolean;
  readonly durationUs: number;
  /** Of the `mtxi` box; undefined in files without one. */
  readonly streamId: string | undefined;
  readonly segmentNumber: number;
  readonly dtsUs: number;
  readonly wallUs: number | undefined;
  /** Track ids, time scales and codecs as a text: files without `mtxi` go together only when it is the same. */
  readonly signature: string;
}

/** How far a file that is being written has been looked through. */
export interface WalkState {
  readonly offset: number;
  readonly durationUs: number;
}

/** Reads a recording's header and, when that does not give its length, its fragments from where `known` ended. */
export async function readSegmentInfo(file: string, known?: WalkState): Promise<SegmentInfo & { walked: WalkState }> {
  const handle = await open(file, 'r');
  try {
    const { size: sizeBytes, mtimeMs } = await handle.stat();
    const init = await readInit(handle, sizeBytes);
    // What cannot be the length of a recording is not believed: the fragments tell.
    const isFinished = init.durationMs > 0 && init.durationMs < LONGEST_MS;
    const durationUs = Math.round(init.durationMs * 1000);
    const walked = isFinished ? { offset: 0, durationUs } : await walkOn(handle, init, sizeBytes, known);
    const mark = findStreamMark(init.userData);
    return {
      sizeBytes,
      mtimeMs,
      isFinished,
      durationUs: walked.durationUs,
      streamId: mark?.streamId,
      segmentNumber: mark?.segmentNumber ?? 0,
      dtsUs: mark?.dtsUs ?? 0,
      wallUs: mark?.wallUs,
      signature: signatureOf(init.tracks),
      walked,
    };
  } finally {
    await handle.close();
  }
}

export const signatureOf = (tracks: readonly Mp4Track[]): string =>
  tracks.map((track) => `${track.id}:${track.timescale}:${track.codec}`).join(',');

async function walkOn(
  handle: FileHandle,
  init: FileInit,
  sizeBytes: number,
  known: WalkState | undefined,
): Promise<WalkState> {
  const timescales = new Map(init.tracks.map((track) => [track.id, track.timescale]));
  const walk = new FragmentWalk(handle, init, sizeBytes, known?.offset);
  let durationUs = known?.durationUs ?? 0;
  for (let placed = await walk.next(); placed; placed = await walk.next()) {
    for (const run of placed.fragment.runs) {
      const timescale = timescales.get(run.trackId);
      if (timescale) {
        const endUs = Math.round(((run.baseTime + run.durationTicks) * 1e6) / timescale);
        durationUs = Math.max(durationUs, Math.min(endUs, LONGEST_MS * 1000));
      }
    }
  }
  return { offset: walk.offset, durationUs };
}

/**
 * The true start of a recording. Its name shows local time, so it is wrong by the difference after the machine's zone was changed
 * and in the hour that autumn shows twice; the capture time inside the file then tells the whole quarter hours.
 */
export function startOf(nameUs: number, wallUs: number | undefined): number {
  if (wallUs === undefined || Math.abs(wallUs - nameUs) > 1.1 * DAY_US) {
    return nameUs;
  }
  const quarters = Math.round((wallUs - nameUs) / QUARTER_HOUR_US);
  const isZone = Math.abs(wallUs - nameUs - quarters * QUARTER_HOUR_US) < 1_000_000;
  return isZone ? nameUs + quarters * QUARTER_HOUR_US : nameUs;
}
