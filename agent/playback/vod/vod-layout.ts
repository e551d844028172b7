import { createHash } from 'node:crypto';
import { entryCodec } from '../../media/mp4/entry/entry-codec.ts';
import { playerInit } from '../../media/mp4/read/player-init.ts';
import { endOfRun, runOf } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable, TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { measureFragment } from '../../media/mp4/write/fragment.ts';
import type { StreamMark } from '../../record/file/stream-mark.ts';
import { playedTable } from '../read/played-table.ts';
import type { Tabled } from '../read/table-cache.ts';
import { SampleSlice } from './sample-slice.ts';
import { cutSegments, type SegmentCuts } from './segment-cuts.ts';

/** Incremented when the same recording yields other bytes: browsers cache them forever. */
export const LAYOUT_VERSION = 1;
/** Sums of stream and file times up to this lose no tick in any time scale. */
const MAX_SHIFT_SECONDS = 4e9;
/**
 * Camera clocks drift by seconds per day, and labels of two files vary with network delay, so they may round to
 * neighbouring anchors. A file that continues another is then moved by one step.
 */
export const ANCHOR_STEP_SECONDS = 5;

/**
 * A recording as an HLS resource: a header and, for each segment, fragments with new headers. Depends on the file
 * alone: all playlists share the same bytes, which only grow with the file.
 */
export interface VodLayout {
  readonly file: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly isFinished: boolean;
  readonly mark: StreamMark | undefined;
  readonly init: Uint8Array;
  /** Hash of the sample descriptions: files with the same need no discontinuity. */
  readonly formTag: string;
  /** undefined if a track's codec has no RFC 6381 name. */
  readonly codecs: readonly string[] | undefined;
  /** In pixels; undefined without video. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  readonly cuts: SegmentCuts;
  /** Start of each segment in the resource, and the end of the last. */
  readonly offsets: Float64Array;
  /** Added to the file's times, in seconds: approximates the time of day and rises over all recordings. */
  readonly shiftSeconds: number;
  /** Stream time zero, rounded to `ANCHOR_STEP_SECONDS`; NaN: file times are used. */
  readonly anchorSeconds: number;
}

/** @param nameUs start by the file name */
export function layOut(tabled: Tabled, nameUs: number): VodLayout {
  const { file, head } = tabled;
  const table = playedTable(tabled);
  const { tracks } = head.init;
  const init = playerInit(
    head.init.bytes,
    tracks.map((track) => track.id),
  );
  const cuts = cutSegments(table, tracks, head.isFinished);
  const { anchorSeconds, shiftSeconds } = alignToAnchor(head.mark, nameUs, tracks);
  const offsets = new Float64Array(cuts.count + 1);
  let at = init.length;
  for (let segment = 0; segment < cuts.count; segment += 1) {
    offsets[segment] = at;
    for (const slices of fragmentsOf(table, cuts, segment, noShift)) {
      const { headerBytes, dataBytes } = measureFragment(slices);
      at += headerBytes + dataBytes;
    }
  }
  offsets[cuts.count] = at;
  const video = tracks.find((track) => track.kind === 'video');
  const codecs = tracks.map((track) => entryCodec(track.sampleEntry));
  return {
    file,
    sizeBytes: head.sizeBytes,
    mtimeMs: head.mtimeMs,
    isFinished: head.isFinished,
    mark: head.mark,
    init,
    formTag: createHash('sha1').update(init).digest('base64url'),
    codecs: codecs.every((codec) => codec !== undefined) ? codecs : undefined,
    size: video && { width: video.width, height: video.height },
    cuts,
    offsets,
    shiftSeconds,
    anchorSeconds,
  };
}

export const bytesOfLayout = ({ init, offsets, cuts }: VodLayout): number =>
  init.length + offsets.byteLength * 3 + cuts.firstSamples.length * cuts.count * 4 + 1_000;

const noShift = (): number => 0;

/**
 * Depends on the file alone, so that its resource is the same in all playlists: stream times continue across files, and
 * anchor steps bring them near the time of day.
 */
function alignToAnchor(
  mark: StreamMark | undefined,
  nameUs: number,
  tracks: readonly { readonly timescale: number }[],
): { readonly anchorSeconds: number; readonly shiftSeconds: number } {
  const { dtsUs, wallUs } = mark ?? { dtsUs: 0, wallUs: nameUs };
  const exact = (wallUs - dtsUs) / 1e6;
  const anchorSeconds = mark ? Math.round(exact / ANCHOR_STEP_SECONDS) * ANCHOR_STEP_SECONDS : exact;
  const shiftSeconds = anchorSeconds + dtsUs / 1e6;
  const isSafe = shiftSeconds >= 0 && shiftSeconds <= MAX_SHIFT_SECONDS && Math.abs(dtsUs) <= MAX_SHIFT_SECONDS * 1e6;
  return isSafe && tracks.every(({ timescale }) => timescale <= 1_000_000)
    ? { anchorSeconds, shiftSeconds }
    : { anchorSeconds: Number.NaN, shiftSeconds: 0 };
}

/**
 * The fragments of a segment: those of the file, split where a key frame is in the middle. Yields samples track by
 * track.
 * @param shiftTicksOf by track index
 */
export function* fragmentsOf(
  table: SampleTable,
  cuts: SegmentCuts,
  segment: number,
  shiftTicksOf: (track: number) => number,
): Generator<SampleSlice[]> {
  const cursors = table.tracks.map((track, i) => {
    const bounds = cuts.firstSamples[i] as Uint32Array;
    return new SliceCursor(track, bounds[segment] as number, bounds[segment + 1] as number);
  });
  for (;;) {
    let fragment = Number.POSITIVE_INFINITY;
    for (const cursor of cursors) {
      fragment = Math.min(fragment, cursor.fragment);
    }
    if (fragment === Number.POSITIVE_INFINITY) {
      return;
    }
    const slices: SampleSlice[] = [];
    for (let i = 0; i < cursors.length; i += 1) {
      const cursor = cursors[i] as SliceCursor;
      if (cursor.fragment === fragment) {
        slices.push(cursor.next(shiftTicksOf(i)));
      }
    }
    yield slices;
  }
}

class SliceCursor {
  readonly #track: TrackSamples;
  readonly #end: number;
  #at: number;
  #run: number;

  constructor(track: TrackSamples, at: number, end: number) {
    this.#track = track;
    this.#at = at;
    this.#end = end;
    this.#run = at < end ? runOf(track, at) : 0;
  }

  /** Index of the fragment that has the next sample; infinite at the end. */
  get fragment(): number {
    return this.#at < this.#end ? (this.#track.runs.fragments[this.#run] as number) : Number.POSITIVE_INFINITY;
  }

  /** The samples of the fragment with the index `fragment`. */
  next(shiftTicks: number): SampleSlice {
    const { fragment } = this;
    const [from, run] = [this.#at, this.#run];
    while (this.fragment === fragment) {
      this.#at = Math.min(this.#end, endOfRun(this.#track, this.#run));
      this.#run += 1;
    }
    return new SampleSlice(this.#track, run, from, this.#at, shiftTicks);
  }
}
