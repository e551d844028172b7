import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import type { Mp4Track } from '../../media/mp4/read-track.ts';
import { FragmentWalk } from '../../record/fragment-walk.ts';
import { readTsHead } from '../../record/mpegts/ts-recording-file.ts';
import { recordFormatOf } from '../../record/record-path.ts';
import { type RecordingHead, readRecordingHead } from '../../record/recording-file.ts';
import type { SegmentInfo } from './segment-index.ts';

const LONGEST_MS = 100 * 86_400_000;

/** How far a file that is being written has been looked through. */
export interface WalkState {
  readonly offset: number;
  readonly durationUs: number;
  readonly fragments: number;
}

export interface ReadInfo {
  readonly info: SegmentInfo;
  /** Undefined when the header gave the length. */
  readonly walked: WalkState | undefined;
}

/** Reads a recording's header and, when that does not give its length, its fragments from where `known` ended. */
export async function readSegmentInfo(file: string, known?: WalkState): Promise<ReadInfo> {
  const handle = await open(file, 'r');
  try {
    if (recordFormatOf(file) === 'mpegts') {
      return { info: await readTsInfo(handle), walked: undefined };
    }
    const head = await readRecordingHead(handle);
    const { sizeBytes, mtimeMs, isFinished, durationMs, mark, fileMark, init } = head;
    // A length in the header of a file of ours that has no end stands there by chance.
    const isKnown = isFinished && durationMs > 0;
    const walked = isKnown ? undefined : await walkOn(handle, head, known);
    const durationUs = walked?.durationUs ?? Math.round(durationMs * 1000);
    const signature = signatureOf(init.tracks);
    return { info: { sizeBytes, mtimeMs, isFinished, durationUs, mark, fileMark, signature }, walked };
  } finally {
    await handle.close();
  }
}

/** Others' files do not tell whether they grow. @throws PerchError when it is none */
async function readTsInfo(handle: FileHandle): Promise<SegmentInfo> {
  const { hasPackets, isFinished, durationMs, mark, fileMark, sizeBytes, mtimeMs } = await readTsHead(handle);
  if (!hasPackets) {
    throw new PerchError('badInput', `recording of ${sizeBytes} bytes does not begin with an MPEG-TS packet`);
  }
  const isKnown = isFinished || fileMark === undefined;
  const durationUs = Math.round(durationMs * 1000);
  return { sizeBytes, mtimeMs, isFinished: isKnown, isPlayable: false, durationUs, mark, fileMark, signature: '' };
}

export const signatureOf = (tracks: readonly Mp4Track[]): string =>
  tracks.map((track) => `${track.id}:${track.timescale}:${track.codec}`).join(',');

async function walkOn(
  handle: FileHandle,
  { init, sizeBytes, fileMark }: RecordingHead,
  known: WalkState | undefined,
): Promise<WalkState> {
  const timescales = new Map(init.tracks.map((track) => [track.id, track.timescale]));
  const walk = new FragmentWalk(handle, init, sizeBytes, known?.offset);
  let { offset, durationUs, fragments } = known ?? { offset: init.sizeBytes, durationUs: 0, fragments: 0 };
  for (let placed = await walk.next(); placed; placed = await walk.next()) {
    // What a disk has kept from another file is none of this one's.
    if (fileMark && placed.fragment.sequence !== (fileMark.firstSequence + fragments) % 2 ** 32) {
      break;
    }
    for (const run of placed.fragment.runs) {
      const timescale = timescales.get(run.trackId);
      if (timescale) {
        const endUs = Math.round(((run.baseTime + run.durationTicks) * 1e6) / timescale);
        durationUs = Math.max(durationUs, Math.min(endUs, LONGEST_MS * 1000));
      }
    }
    offset = walk.offset;
    fragments += 1;
  }
  return { offset, durationUs, fragments };
}
