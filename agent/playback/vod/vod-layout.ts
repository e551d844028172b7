import { createHash } from 'node:crypto';
import { entryCodec } from '../../media/mp4/entry/entry-codec.ts';
import { playerInit } from '../../media/mp4/read/player-init.ts';
import { endOfRun, runOf } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable, TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { measureFragment } from '../../media/mp4/write/fragment.ts';
import type { StreamMark } from '../../record/file/stream-mark.ts';
import type { Tabled } from '../read/table-cache.ts';
import { SampleSlice } from './sample-slice.ts';
import { cutSegments, type SegmentCuts } from './segment-cuts.ts';

/** To be raised when the same recording gets other bytes: browsers keep those of an address for ever. */
export const LAYOUT_VERSION = 1;
/** Up to here times of a stream and of a file can be added without losing a tick of any time scale. */
const MAX_SHIFT_SECONDS = 4e9;
const MAX_TIMESCALE = 1_000_000;
/**
 * Clocks of cameras and ours part by some seconds in a day. The labels of two files stray by what the network's delay has changed,
 * and may be rounded to two anchors that are next to each other: where one goes on from the other its times are moved by one step.
 */
export const ANCHOR_STEP_SECONDS = 5;

/**
 * A recording as HLS players are given it: one resource with a header and, for each segment, its fragments with headers of their own.
 * It depends on nothing but the file: the same bytes stand at the same place for every playlist, and only come in addition while it grows.
 */
export interface VodLayout {
  readonly file: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly isFinished: boolean;
  readonly mark: StreamMark | undefined;
  /** For players. */
  readonly init: Uint8Array;
  /** Of the samples' descriptions: files with the same need no discontinuity between them. */
  readonly formTag: string;
  /** Undefined when one of the tracks has no name that playlists know. */
  readonly codecs: readonly string[] | undefined;
  /** Pixels; undefined without video. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  readonly cuts: SegmentCuts;
  /** Where each segment begins in the resource, and where the last ends. */
  readonly offsets: Float64Array;
  /** Added to the file's times, in seconds: then they are about those of the day, and rise over everything that was ever recorded. */
  readonly shiftSeconds: number;
  /** Where the stream's time zero lies, rounded to `ANCHOR_STEP_SECONDS`; not a number: times are the file's own. */
  readonly anchorSeconds: number;
}

/** @param nameUs when it begins, as its name says */
export function layOut({ file, head, table }: Tabled, nameUs: number): VodLayout {
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

/** What it costs to keep. */
export const bytesOfLayout = ({ init, offsets, cuts }: VodLayout): number =>
  init.length + offsets.byteLength * 3 + cuts.firstSamples.length * cuts.count * 4 + 1_000;

const noShift = (): number => 0;

/**
 * Known from the file alone, so that its resource is the same for every playlist: the stream's own times, by which files go on from
 * each other, and steps of some seconds to bring them near the time of the day.
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
  return isSafe && tracks.every(({ timescale }) => timescale <= MAX_TIMESCALE)
    ? { anchorSeconds, shiftSeconds }
    : { anchorSeconds: Number.NaN, shiftSeconds: 0 };
}

/**
 * The fragments of a segment: those of the file, and two where a key frame stands in the middle of one. Of each the samples, track by track.
 * @param shiftTicksOf by place of the track
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

/** Goes through the samples [at, end) of a track, fragment by fragment. */
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

  /** In which the next sample lies; infinite at the end. */
  get fragment(): number {
    return this.#at < this.#end ? (this.#track.runs.fragments[this.#run] as number) : Number.POSITIVE_INFINITY;
  }

  /** What there is in that fragment. */
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
