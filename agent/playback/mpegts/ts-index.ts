import { PerchError } from '../../base/errors.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import { FragmentRun } from '../../media/mp4/read/read-runs.ts';
import { type SampleTable, SampleTableBuilder } from '../../media/mp4/table/sample-table.ts';
import { writeInit } from '../../media/mp4/write/init.ts';
import { TsDemuxer, type TsStream } from '../../media/mpegts/demux/demuxer.ts';
import type { UnitSink } from '../../media/payload/depacketizer.ts';
import { release } from '../../media/sample/slab.ts';
import type { Track } from '../../media/sample/track.ts';
import type { FileInit } from '../../record/file/fragment-walk.ts';

const CLOCK_HZ = 90_000;
/** `flags` of samples that are not sync samples, ISO/IEC 14496-12 §8.8.3.1. */
const NON_SYNC = 0x1_0000;

/** The samples of one track in a fragment, by where they begin in the file. */
export interface TsRun {
  /** Index of the stream in the program. */
  readonly stream: number;
  /** Offset of the transport packet with which the first sample's PES packet begins, and how many samples of that packet precede it. */
  readonly position: number;
  readonly ordinal: number;
  readonly count: number;
  readonly sizeBytes: number;
}

/** A group of pictures with its audio. Its samples' bytes follow each other, run by run, from `offset` on in a virtual file. */
export interface TsFragment {
  /** Offset in the file at which reading begins. */
  readonly position: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly runs: readonly TsRun[];
  /** Offset in the file from which bytes are lost, or undefined if another fragment follows. */
  readonly end?: number;
}

/** The samples of one stream that belong to the fragment being collected. Times are 90 kHz. */
class StreamSamples implements UnitSink {
  track: Track | undefined;
  position = 0;
  ordinal = 0;
  sizes: number[] = [];
  dts: number[] = [];
  offsets: number[] = [];
  syncs: boolean[] = [];
  lastDts = Number.NaN;
  /** DTS difference of the last two samples. */
  step = 0;
  /** Ticks at which the next fragment's run should begin: where the last one ends. */
  nextTime = Number.NaN;
  readonly #index: TsIndex;
  readonly #isVideo: boolean;
  #lastPosition = -1;
  #lastOrdinal = 0;

  constructor(index: TsIndex, isVideo: boolean) {
    this.#index = index;
    this.#isVideo = isVideo;
  }

  get isVideo(): boolean {
    return this.#isVideo;
  }

  onTrack(track: Track): void {
    if (this.track && (this.track.codec !== track.codec || this.sizes.length > 0 || !Number.isNaN(this.lastDts))) {
      this.#index.stop();
      return;
    }
    this.track = track;
  }

  onDamage(): void {}

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    const size = data.length;
    release(data);
    const { unitPosition } = this.#index;
    this.#lastOrdinal = unitPosition === this.#lastPosition ? this.#lastOrdinal + 1 : 0;
    this.#lastPosition = unitPosition;
    const step = dts - this.lastDts;
    // The track belongs to another recording. Only the tracks together show a jump: one of them may pause.
    if (step < 0 || dts - this.#index.newestDts > 60 * CLOCK_HZ) {
      this.#index.stop();
    }
    if (!this.#index.takes(this, key, dts)) {
      return;
    }
    if (this.sizes.length === 0) {
      this.position = unitPosition;
      this.ordinal = this.#lastOrdinal;
    }
    this.step = step <= 60 * CLOCK_HZ ? step : this.step;
    this.lastDts = dts;
    this.#index.newestDts = Math.max(dts, this.#index.newestDts || dts);
    this.sizes.push(size);
    this.dts.push(dts);
    this.offsets.push(pts - dts);
    this.syncs.push(key);
    this.#index.fragmentBytes += size;
  }

  clear(): void {
    this.sizes = [];
    this.dts = [];
    this.offsets = [];
    this.syncs = [];
  }
}

/** Where the samples of a transport stream are: read once from its start, continued while the file grows. */
export class TsIndex {
  readonly fragments: TsFragment[] = [];
  /** Fragments before which bytes are lost. */
  readonly afterHoles = new Set<number>();
  /** Size of the samples in the fragment being collected. */
  fragmentBytes = 0;
  /** Latest DTS of all streams since the last hole, 90 kHz. */
  newestDts = Number.NaN;
  /** Nothing can be added. */
  isEnded = false;
  /** Bytes of the file read so far. */
  readBytes = 0;
  #streams: StreamSamples[] = [];
  #builder = new SampleTableBuilder([]);
  #offset = 0;
  /** Ticks of the file's time zero; NaN: the first sample's. */
  #baseTicks: number;
  #isOver = false;
  /** Samples are left out until the next key frame. */
  #needsKey = false;
  readonly #demuxer = new TsDemuxer({ onProgram: (streams) => this.#onProgram(streams) }, { isFile: true });

  /** @param baseTicks of the file's time zero, 90 kHz; NaN: not known */
  constructor(baseTicks: number) {
    this.#baseTicks = baseTicks;
  }

  get unitPosition(): number {
    return this.#demuxer.unitPosition;
  }

  /** Nothing more belongs to this recording. */
  get isOver(): boolean {
    return this.#isOver;
  }

  push(bytes: Uint8Array): void {
    this.#demuxer.push(bytes);
    this.readBytes += bytes.length;
  }

  /** Bytes are lost: the next ones are from another place of the file. */
  passHole(position: number): void {
    this.#demuxer.end();
    this.#endFragment(Number.NaN, this.readBytes);
    this.afterHoles.add(this.fragments.length);
    this.#needsKey = true;
    this.newestDts = Number.NaN;
    for (const samples of this.#streams) {
      samples.lastDts = Number.NaN;
      samples.nextTime = Number.NaN;
    }
    this.#demuxer.seek(position);
    this.readBytes = position;
  }

  /** The file is complete. */
  end(): void {
    this.isEnded = true;
    this.#demuxer.end();
    this.#endFragment(Number.NaN);
  }

  /** The rest belongs to another recording, with other tracks or times. */
  stop(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#endFragment(Number.NaN);
    }
  }

  /** Begins a new fragment if the sample does. @returns false: it is left out */
  takes(samples: StreamSamples, key: boolean, dts: number): boolean {
    if (this.#isOver || !samples.track) {
      return false;
    }
    const video = this.#streams.find(({ isVideo }) => isVideo);
    const hasBegun = this.fragments.length > 0 || this.#streams.some(({ sizes }) => sizes.length > 0);
    if (samples.isVideo && !key && Number.isNaN(samples.lastDts)) {
      return false;
    }
    if (this.#needsKey && video && samples !== video) {
      return false;
    }
    this.#needsKey = false;
    const leads = video ? samples === video : samples === this.#streams[0];
    const first = samples.dts[0];
    if (hasBegun && leads && first !== undefined) {
      // A fragment is demultiplexed as a whole when a sample of it is read.
      const isFull = this.fragmentBytes > 4 << 20;
      if (video ? key || isFull : isFull || dts - first >= 2 * CLOCK_HZ) {
        this.#endFragment(dts);
      }
    }
    return true;
  }

  /** The header and the table of an MP4 file with these samples. @throws PerchError if there are none */
  finish(): { readonly init: FileInit; readonly table: SampleTable; readonly streams: readonly number[] } {
    const streams = [...this.#streams.keys()].filter((i) => this.#streams[i]?.track);
    const tracks = streams.map((i) => this.#streams[i]?.track as Track);
    if (tracks.length === 0 || this.fragments.length === 0) {
      throw new PerchError('badInput', 'MPEG-TS recording without a whole group of pictures or audio that Perch plays');
    }
    const bytes = writeInit(tracks);
    const init = parseInit(bytes);
    if (!init) {
      throw new PerchError('badInput', 'MPEG-TS recording has tracks without a description');
    }
    const { table } = this.#builder;
    const samples = streams.map((i, number) => ({
      ...(table.tracks[i] as SampleTable['tracks'][number]),
      trackId: number + 1,
    }));
    return { init: { ...init, bytes }, table: { ...table, tracks: samples }, streams };
  }

  #onProgram(list: readonly TsStream[]): (UnitSink | undefined)[] {
    if (this.#streams.length > 0) {
      this.stop();
      return [];
    }
    const sinks = list.map(({ codec, isVideo }) => codec && new StreamSamples(this, isVideo));
    this.#streams = sinks.filter((sink) => sink !== undefined);
    this.#builder = new SampleTableBuilder(this.#streams.map((_, i) => i));
    return sinks;
  }

  /** @param nextDts of the leading track; NaN: not known @param end where bytes are lost */
  #endFragment(nextDts: number, end?: number): void {
    const filled = this.#streams.filter(({ sizes }) => sizes.length > 0);
    if (filled.length === 0) {
      return;
    }
    if (Number.isNaN(this.#baseTicks)) {
      this.#baseTicks = Math.min(...filled.map(({ dts }) => dts[0] as number));
    }
    const runs: TsRun[] = [];
    const fragmentRuns: FragmentRun[] = [];
    let dataOffset = 0;
    for (const [stream, samples] of this.#streams.entries()) {
      if (samples.sizes.length > 0) {
        const isLead = samples.isVideo || filled.length === 1;
        const run = this.#runOf(stream, samples, dataOffset, isLead ? nextDts : Number.NaN);
        fragmentRuns.push(run);
        const { position, ordinal } = samples;
        runs.push({ stream, position, ordinal, count: run.count, sizeBytes: run.sizeBytes });
        dataOffset += run.sizeBytes;
        samples.clear();
      }
    }
    const position = Math.min(...runs.map((run) => run.position));
    const place = { position, offset: this.#offset, sizeBytes: dataOffset, runs };
    this.fragments.push(end === undefined ? place : { ...place, end });
    // One byte more than its samples: no fragment is copied whole, as it has no header in the file.
    const sizeBytes = dataOffset + 1;
    this.#builder.addFragment(this.#offset, {
      sizeBytes,
      moofBytes: 0,
      mdatHeaderBytes: 0,
      sequence: 0,
      runs: fragmentRuns,
    });
    this.#offset += sizeBytes;
    this.fragmentBytes = 0;
  }

  #runOf(stream: number, samples: StreamSamples, dataOffset: number, nextDts: number): FragmentRun {
    const { clockRate = CLOCK_HZ } = samples.track ?? {};
    const scale = clockRate / CLOCK_HZ;
    const base = this.#baseTicks;
    const after = Number.isNaN(nextDts) ? samples.lastDts + samples.step : nextDts;
    const frame = samples.track?.codec === 'aac' ? samples.track.frameSamples : 0;
    let expected = samples.nextTime;
    const times = [...samples.dts, after].map((dts) => {
      const exact = Math.max(0, (dts - base) * scale);
      // Audio frames whose times are rounded to 90 kHz.
      const isExpected = frame > 0 && Math.abs(exact - expected) <= (CLOCK_HZ / 500) * scale;
      const time = isExpected ? expected : Math.round(exact);
      expected = time + frame;
      return time;
    });
    samples.nextTime = times.at(-1) ?? Number.NaN;
    const count = samples.sizes.length;
    const durations = Uint32Array.from({ length: count }, (_, i) =>
      Math.max(0, (times[i + 1] as number) - (times[i] as number)),
    );
    const hasOffsets = samples.offsets.some((offset) => offset !== 0);
    return new FragmentRun(
      { trackId: stream, baseTime: times[0] as number, dataOffset },
      {
        durations,
        sizes: Uint32Array.from(samples.sizes),
        flags: Uint32Array.from(samples.syncs, (isSync) => (isSync ? 0 : NON_SYNC)),
        compositionOffsets: hasOffsets
          ? Int32Array.from(samples.offsets, (offset) => Math.round(offset * scale))
          : undefined,
      },
    );
  }
}
