import { parseFragment, parseInit } from '../../agent/media/mp4/read/read.ts';
import type { Mp4Track } from '../../agent/media/mp4/read/read-track.ts';

export interface MediaSample {
  readonly decodeTime: number;
  readonly shownTime: number;
  readonly duration: number;
  readonly isSync: boolean;
  readonly sizeBytes: number;
}

/** A segment or part as a player reads it. */
export interface MediaRun {
  readonly samples: readonly MediaSample[];
  /** Bytes of each sample. */
  readonly data: readonly Uint8Array[];
  /** Decoding time (`startS`) and presentation time (`shownS`) of the first sample, in seconds. */
  readonly startS: number;
  readonly shownS: number;
  readonly durationS: number;
}

export function readInit(bytes: Uint8Array): Mp4Track {
  const init = parseInit(bytes);
  const [track] = init?.tracks ?? [];
  if (!init || !track || init.tracks.length !== 1) {
    throw new Error(`init segment of ${bytes.length} bytes has ${init?.tracks.length ?? 'no'} tracks, not one`);
  }
  return track;
}

/** @throws if it is not a sequence of complete fragments of the track */
export function readRun(bytes: Uint8Array, track: Mp4Track): MediaRun {
  const samples: MediaSample[] = [];
  const data: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const fragment = parseFragment(bytes, at, { tracks: [track], moofFileOffset: at });
    if (!fragment || at + fragment.sizeBytes > bytes.length) {
      throw new Error(`fragment at ${at} of ${bytes.length} bytes is cut short`);
    }
    for (const run of fragment.runs) {
      if (run.trackId !== track.id) {
        throw new Error(`track ${run.trackId}, the init segment has ${track.id}`);
      }
      let time = run.baseTime;
      let place = at + run.dataOffset;
      for (let i = 0; i < run.count; i += 1) {
        const duration = run.durations[i] ?? 0;
        const sizeBytes = run.sizes[i] ?? 0;
        data.push(bytes.subarray(place, place + sizeBytes));
        const shownTime = time + (run.compositionOffsets?.[i] ?? 0);
        samples.push({ decodeTime: time, shownTime, duration, isSync: run.isSync(i), sizeBytes });
        time += duration;
        place += sizeBytes;
      }
    }
    at += fragment.sizeBytes;
  }
  const first = samples[0]?.decodeTime ?? 0;
  const last = samples.at(-1);
  const end = (last?.decodeTime ?? 0) + (last?.duration ?? 0);
  const scale = track.timescale;
  return {
    samples,
    data,
    startS: first / scale,
    shownS: (samples[0]?.shownTime ?? 0) / scale,
    durationS: (end - first) / scale,
  };
}
