import { endOfRun, firstAtLeast, runOf } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable, TrackSamples } from '../../media/mp4/table/sample-table.ts';

/** A segment ends at the first key frame after this. Slightly below six seconds: camera clocks are inexact. */
const MIN_SECONDS = 5.5;
/** A gap in the recording, as after a slow disk: a new segment follows. */
export const GAP_SECONDS = 0.5;

/** HLS segment boundaries of a recording. Deterministic: boundaries of a growing file never change. */
export interface SegmentCuts {
  readonly count: number;
  /** Presentation time of each segment's first frame, in seconds of the file. */
  readonly startSeconds: Float64Array;
  readonly endSeconds: Float64Array;
  /** By track: first sample of each segment, and one past the last. */
  readonly firstSamples: readonly Uint32Array[];
}

interface CutTrack {
  readonly kind: 'video' | 'audio';
  readonly timescale: number;
}

/**
 * @param tracks parallel to `table.tracks`
 * @param isFinished otherwise samples after the last boundary are not a segment yet
 */
export function cutSegments(table: SampleTable, tracks: readonly CutTrack[], isFinished: boolean): SegmentCuts {
  const lead = leadOf(table, tracks, isFinished);
  const samples = table.tracks[lead];
  const { timescale = 1, kind } = tracks[lead] ?? {};
  const cuts = samples ? leadCuts(samples, timescale, kind === 'video') : NO_CUTS;
  const count = isFinished ? cuts.firstSamples.length : Math.max(0, cuts.firstSamples.length - 1);
  const firstSamples = table.tracks.map((track, i) =>
    i === lead
      ? Uint32Array.from({ length: count + 1 }, (_, k) => cuts.firstSamples[k] ?? track.count)
      : boundsOfOther(track, tracks[i]?.timescale ?? 1, cuts, samples, count),
  );
  return {
    count,
    startSeconds: Float64Array.from(cuts.startSeconds.slice(0, count)),
    endSeconds: Float64Array.from(cuts.endSeconds.slice(0, count)),
    firstSamples,
  };
}

/** The first video track, else the first track; an empty one only while samples may follow. */
function leadOf(table: SampleTable, tracks: readonly CutTrack[], isFinished: boolean): number {
  const hasSamples = (i: number): boolean => !isFinished || (table.tracks[i]?.count ?? 0) > 0;
  const video = tracks.findIndex((track, i) => track.kind === 'video' && hasSamples(i));
  const first = tracks.findIndex((_, i) => hasSamples(i));
  return video >= 0 ? video : Math.max(0, first);
}

interface LeadCuts {
  readonly firstSamples: number[];
  /** Decode time of the first sample. */
  readonly decodeSeconds: number[];
  readonly startSeconds: number[];
  readonly endSeconds: number[];
}

const NO_CUTS: LeadCuts = { firstSamples: [], decodeSeconds: [], startSeconds: [], endSeconds: [] };

function leadCuts(track: TrackSamples, timescale: number, isVideo: boolean): LeadCuts {
  const { runs, durations, syncs, compositionOffsets } = track;
  const cuts: LeadCuts = { firstSamples: [], decodeSeconds: [], startSeconds: [], endSeconds: [] };
  let segmentTime = Number.NEGATIVE_INFINITY;
  let end = 0;
  let endOffset = 0;
  for (let run = 0; run < runs.count; run += 1) {
    const first = runs.firstSamples[run] as number;
    const last = endOfRun(track, run);
    let time = runs.baseTimes[run] as number;
    const isAfterGap = run > 0 && time - end > GAP_SECONDS * timescale;
    for (let i = first; i < last; i += 1) {
      // Every audio sample is a sync sample: the start of a run suffices.
      const isKey = syncs[i] === 1 && (isVideo || i === first);
      if (isKey && (time - segmentTime >= MIN_SECONDS * timescale || (isAfterGap && i === first))) {
        const offset = compositionOffsets?.[i] ?? 0;
        const start = (time + offset) / timescale;
        if (cuts.firstSamples.length > 0) {
          cuts.endSeconds.push(isAfterGap && i === first ? (end + endOffset) / timescale : start);
        }
        cuts.firstSamples.push(i);
        cuts.decodeSeconds.push(time / timescale);
        cuts.startSeconds.push(start);
        segmentTime = time;
        endOffset = offset;
      }
      time += durations[i] as number;
    }
    end = time;
  }
  if (cuts.firstSamples.length > 0) {
    cuts.endSeconds.push((end + endOffset) / timescale);
  }
  return cuts;
}

/** Where the leading track is cut between fragments, the others are too; within a fragment, at the same time. */
function boundsOfOther(
  track: TrackSamples,
  timescale: number,
  cuts: LeadCuts,
  lead: TrackSamples | undefined,
  count: number,
): Uint32Array {
  const bounds = new Uint32Array(count + 1);
  for (let i = 1; i <= count; i += 1) {
    const sample = cuts.firstSamples[i];
    if (sample === undefined || !lead) {
      bounds[i] = track.count;
      continue;
    }
    const run = runOf(lead, sample);
    const fragment = lead.runs.fragments[run] as number;
    const isFirst = sample === lead.runs.firstSamples[run] && lead.runs.fragments[run - 1] !== fragment;
    const at = isFirst ? Number.NEGATIVE_INFINITY : (cuts.decodeSeconds[i] as number) * timescale;
    bounds[i] = Math.max(bounds[i - 1] as number, firstInOrBehind(track, fragment, at));
  }
  return bounds;
}

/** The first sample of this fragment at or after a time, or of a later fragment. */
function firstInOrBehind(track: TrackSamples, fragment: number, time: number): number {
  const { runs, durations } = track;
  for (let run = firstAtLeast(runs.fragments, runs.count, fragment); run < runs.count; run += 1) {
    const first = runs.firstSamples[run] as number;
    if (runs.fragments[run] !== fragment) {
      return first;
    }
    let at = runs.baseTimes[run] as number;
    for (let i = first; i < endOfRun(track, run); i += 1) {
      if (at >= time) {
        return i;
      }
      at += durations[i] as number;
    }
  }
  return track.count;
}
