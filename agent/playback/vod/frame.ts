import { PerchError } from '../../base/errors.ts';
import { playerInit } from '../../media/mp4/read/player-init.ts';
import { firstFrom, offsetOf, shownAt, syncUpTo, timeOf } from '../../media/mp4/table/sample-search.ts';
import type { TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { type RunTable, writeFragmentHeader } from '../../media/mp4/write/fragment.ts';
import { unlessFileFault } from '../../record/file/disk-fault.ts';
import { isCopyFault } from '../../record/store/recording-copies.ts';
import { playedTable } from '../read/played-table.ts';
import { openRecording, readFully } from '../read/range-stream.ts';
import { etagOf } from '../read/send-ranged.ts';
import { recordedFile } from '../read/slice.ts';
import type { TableCache, Tabled } from '../read/table-cache.ts';
import type { RecordingLookup, RowOfRecording } from './recorded-period.ts';

/** An 8K key frame at best quality has about ten megabytes. */
export const MAX_FRAME_BYTES = 32 << 20;
/** A shorter gap does not matter for a still frame. */
const MAX_HOLE_SECONDS = 0.5;
/** Live frames reach the disk with the next part. */
const GROWING_SECONDS = 15;

export interface Frame {
  readonly bytes: Uint8Array;
  /** Capture time in Unix microseconds. */
  readonly timeUs: number;
  /** Quoted. */
  readonly etag: string;
  /** The recording is finished and has video at this time: the result cannot change. */
  readonly isFinal: boolean;
}

/** The key frame of the GOP at a time, as a film of one picture. @throws PerchError 'notFound' without a recording */
export async function findFrame(...where: Parameters<typeof findKey>): Promise<Frame> {
  return readFrame(await findKey(...where));
}

/** The key frame of the GOP at a time. @throws PerchError 'notFound' without a recording */
export async function findKey(
  recordings: RecordingLookup,
  tables: TableCache,
  path: string,
  timeUs: number,
): Promise<FoundKey> {
  const all = recordings.hidden.has(path, timeUs) ? [] : await recordings.between(path, timeUs, timeUs);
  const rows = [...all].filter(({ startUs }) => startUs <= timeUs);
  let early: FoundKey | undefined;
  // Recordings may overlap, and the newest may be gone.
  for (const row of rows.reverse()) {
    const tabled = await tables.of(row).catch((error: unknown) => {
      if (isCopyFault(error)) {
        throw error;
      }
      return unlessFileFault(error);
    });
    const key = tabled && keyAt(tabled, (timeUs - row.startUs) / 1e6);
    // The group of pictures may begin in a deleted range.
    if (!key || recordings.hidden.has(path, shownUs(row, key))) {
      continue;
    }
    if (!key.isLater) {
      return { tabled, row, key };
    }
    early ??= { tabled, row, key };
  }
  if (early) {
    return early;
  }
  throw new PerchError('notFound', 'no frame was recorded at this time', { path });
}

export interface FoundKey {
  readonly tabled: Tabled;
  readonly row: RowOfRecording;
  readonly key: KeySample;
}

interface KeySample {
  readonly trackId: number;
  readonly timescale: number;
  readonly samples: TrackSamples;
  readonly sample: number;
  /** Only audio was recorded then: this is the first frame after it. */
  readonly isLater: boolean;
  /** The recording has video at this time. After its end the next one may not exist yet. */
  readonly isInside: boolean;
}

/** When a sample is shown, in Unix microseconds. */
export const shownUs = ({ startUs }: RowOfRecording, { samples, sample, timescale }: KeySample): number =>
  Math.round(startUs + (shownAt(samples, sample) / timescale) * 1e6);

/** @param seconds in the file's time */
function keyAt(tabled: Tabled, seconds: number): KeySample | undefined {
  const { head, lost = [] } = tabled;
  if (lost.some(({ from, to }) => seconds >= from + MAX_HOLE_SECONDS && seconds < to)) {
    return undefined;
  }
  const track = head.init.tracks.find(({ kind }) => kind === 'video');
  const samples = playedTable(tabled).tracks.find(({ trackId }) => trackId === track?.id);
  if (!track || !samples || samples.count === 0) {
    return undefined;
  }
  const { id: trackId, timescale } = track;
  const ticks = Math.floor(seconds * timescale);
  const last = samples.count - 1;
  const endTicks = timeOf(samples, samples.count) + (samples.compositionOffsets?.[last] ?? 0);
  const toleratedSeconds = head.isFinished ? MAX_HOLE_SECONDS : GROWING_SECONDS;
  if (ticks >= endTicks + toleratedSeconds * timescale) {
    return undefined;
  }
  // Frames are decoded before they are shown: none after this one is shown by then.
  let sample = syncUpTo(samples, firstFrom(samples, ticks + 1) - 1);
  if (sample !== undefined && sample > 0 && shownAt(samples, sample) > ticks) {
    sample = syncUpTo(samples, sample - 1) ?? sample;
  }
  const isLater = sample === undefined || shownAt(samples, sample) > ticks;
  const isInside = !isLater && ticks < endTicks;
  sample ??= samples.syncs.indexOf(1);
  return sample < 0 ? undefined : { trackId, timescale, samples, sample, isLater, isInside };
}

export async function readFrame({ tabled, row, key }: FoundKey): Promise<Frame> {
  const { samples, sample, trackId } = key;
  const sizeBytes = sizeOf(key);
  const offset = offsetOf(samples, sample);
  const init = playerInit(tabled.head.init.bytes, [trackId]);
  const header = writeFragmentHeader(1, [onePicture(key, sizeBytes)]);
  const bytes = Buffer.allocUnsafeSlow(init.length + header.length + sizeBytes);
  bytes.set(init);
  bytes.set(header, init.length);
  const handle = await openRecording(recordedFile(tabled));
  await readFully(handle, bytes.subarray(init.length + header.length), offset, tabled.file).finally(() =>
    handle.close(),
  );
  const identity = [row.file, row.startUs, tabled.head.init.sizeBytes, offset, sizeBytes];
  return {
    bytes,
    timeUs: shownUs(row, key),
    etag: etagOf(JSON.stringify(identity)),
    isFinal: tabled.head.isFinished && key.isInside,
  };
}

/** @throws PerchError if it is too large */
export function sizeOf({ samples, sample }: KeySample): number {
  const sizeBytes = samples.sizes[sample] as number;
  if (sizeBytes > MAX_FRAME_BYTES) {
    throw new PerchError('unsupported', `key frame of ${sizeBytes} bytes, at most ${MAX_FRAME_BYTES}`);
  }
  return sizeBytes;
}

/** Shown at time 0 for its original duration. */
function onePicture({ trackId, samples, sample, timescale }: KeySample, sizeBytes: number): RunTable {
  const duration = samples.durations[sample] || timescale;
  return {
    trackId,
    baseTime: 0,
    count: 1,
    sizeOf: () => sizeBytes,
    durationOf: () => duration,
    compositionOffsetOf: () => 0,
    isSync: () => true,
  };
}
