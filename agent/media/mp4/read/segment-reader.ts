import { PerchError } from '../../../base/errors.ts';
import { h264Track } from '../../h264/params.ts';
import { h265Track } from '../../h265/params.ts';
import type { UnitSink } from '../../payload/depacketizer.ts';
import { NAL_LENGTH_BYTES, readNalLength } from '../../payload/nal.ts';
import { hasSameSets } from '../../payload/parameter-sets.ts';
import type { NalTrack, Track } from '../../sample/track.ts';
import { fourcc } from '../box/boxes.ts';
import { boxAt, viewOf } from '../box/walk.ts';
import { trackOfEntry } from './entry-track.ts';
import { parseFragment, parseInit } from './read.ts';
import type { FragmentRun } from './read-runs.ts';
import type { Mp4Track } from './read-track.ts';

const MOOF = fourcc('moof');

/** A track of an initialization segment. */
export interface SegmentTrack {
  readonly id: number;
  /** Ticks per second of its units. */
  readonly timescale: number;
  readonly isVideo: boolean;
  /** Type of the sample entry: `avc1`. */
  readonly codec: string;
  /** Undefined: not supported. */
  readonly track: Track | undefined;
}

/** Reads the segments after one initialization segment (CMAF, ISO/IEC 23000-19): bytes in, units out. */
export class SegmentReader {
  readonly tracks: readonly SegmentTrack[];
  readonly #defaults: readonly Mp4Track[];

  /** @throws PerchError badInput */
  constructor(init: Uint8Array) {
    const parsed = parseInit(init);
    if (!parsed) {
      throw new PerchError('badInput', `MP4 initialization of ${init.length} bytes without a whole 'moov'`);
    }
    this.#defaults = parsed.tracks;
    this.tracks = parsed.tracks.map((one) => ({
      id: one.id,
      timescale: one.timescale,
      isVideo: one.kind === 'video',
      codec: one.codec,
      track: trackOfEntry(one),
    }));
  }

  /**
   * The units of whole fragments, as views of `bytes`.
   * @param sinkOf where the units of a track go, by its id, or undefined to drop them. Times are ticks of its timescale
   * @throws PerchError badInput
   */
  read(bytes: Uint8Array, sinkOf: (id: number) => UnitSink | undefined): void {
    const view = viewOf(bytes);
    for (let at = 0; ; ) {
      const box = boxAt(view, at, bytes.length);
      if (!box || box.end > bytes.length) {
        return;
      }
      if (box.type !== MOOF) {
        at = box.end;
        continue;
      }
      const fragment = parseFragment(bytes, at, { tracks: this.#defaults, moofFileOffset: at });
      if (!fragment || at + fragment.sizeBytes > bytes.length) {
        throw new PerchError('badInput', `MP4 fragment at byte ${at} is cut`);
      }
      for (const run of fragment.runs) {
        const sink = sinkOf(run.trackId);
        if (sink) {
          deliver(run, bytes, at, sink);
        }
      }
      at += fragment.sizeBytes;
    }
  }
}

function deliver(run: FragmentRun, bytes: Uint8Array, moofStart: number, sink: UnitSink): void {
  let at = moofStart + run.dataOffset;
  let dts = run.baseTime;
  for (let i = 0; i < run.count; i += 1) {
    const end = at + (run.sizes[i] as number);
    if (end > at) {
      const pts = dts + (run.compositionOffsets?.[i] ?? 0);
      sink.onUnit(pts, dts, run.isSync(i), bytes.subarray(at, end));
    }
    dts += run.durations[i] as number;
    at = end;
  }
}

const [H264_SPS, H264_PPS, H264_DELIMITER] = [7, 8, 9];
const [H265_VPS, H265_SPS, H265_PPS, H265_DELIMITER] = [32, 33, 34, 35];

/** Removes parameter sets and delimiters from samples, which a stream keeps on its track, and reports changed sets. */
export class NalCleaner implements UnitSink {
  readonly #sink: UnitSink;
  #track: NalTrack;

  constructor(track: NalTrack, sink: UnitSink) {
    this.#track = track;
    this.#sink = sink;
  }

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    const kept: Uint8Array[] = [];
    const sets: { vps?: Uint8Array; sps?: Uint8Array; pps: Uint8Array[] } = { pps: [] };
    let keptBytes = 0;
    for (let at = 0; at + NAL_LENGTH_BYTES < data.length; ) {
      const end = at + NAL_LENGTH_BYTES + readNalLength(data, at);
      if (end > data.length) {
        this.onDamage(`a NAL unit ends ${end - data.length} bytes after its sample`);
        return;
      }
      const kind = this.#kindOf(data[at + NAL_LENGTH_BYTES] as number);
      if (kind === 'kept') {
        kept.push(data.subarray(at, end));
        keptBytes += end - at;
      } else if (kind === 'pps') {
        sets.pps.push(data.slice(at + NAL_LENGTH_BYTES, end));
      } else if (kind !== 'delimiter') {
        sets[kind] = data.slice(at + NAL_LENGTH_BYTES, end);
      }
      at = end;
    }
    this.#renew(sets);
    if (keptBytes > 0) {
      this.#sink.onUnit(pts, dts, key, keptBytes === data.length ? data : joined(kept, keptBytes));
    }
  }

  onTrack(track: Track): void {
    this.#sink.onTrack(track);
  }

  onDamage(reason: string): void {
    this.#sink.onDamage(reason);
  }

  #kindOf(header: number): 'kept' | 'delimiter' | 'vps' | 'sps' | 'pps' {
    if (this.#track.codec === 'h264') {
      const type = header & 0x1f;
      return type === H264_SPS ? 'sps' : type === H264_PPS ? 'pps' : type === H264_DELIMITER ? 'delimiter' : 'kept';
    }
    const type = (header >> 1) & 0x3f;
    if (type === H265_VPS) {
      return 'vps';
    }
    return type === H265_SPS ? 'sps' : type === H265_PPS ? 'pps' : type === H265_DELIMITER ? 'delimiter' : 'kept';
  }

  #renew({ vps, sps, pps }: { vps?: Uint8Array; sps?: Uint8Array; pps: readonly Uint8Array[] }): void {
    if (!sps || pps.length === 0) {
      return;
    }
    const old = this.#track;
    const renewed = old.codec === 'h264' ? h264Track(sps, pps) : h265Track(vps ?? old.vps, sps, pps);
    if (!hasSameSets(old, renewed)) {
      this.#track = renewed;
      this.#sink.onTrack(renewed);
    }
  }
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
