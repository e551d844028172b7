import { randomBytes, randomInt } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import { type PlacedRun, SampleTableWriter } from '../../media/mp4/table/sample-table-writer.ts';
import { CHECKSUM_BOX_BYTES } from '../../media/mp4/write/checksum-box.ts';
import { type RunTable, writeFragmentHeader } from '../../media/mp4/write/fragment.ts';
import { writeInit } from '../../media/mp4/write/init.ts';
import { type RandomAccess, writeMfra } from '../../media/mp4/write/mfra.ts';
import { writeRecordingTail } from '../../media/mp4/write/recording-tail.ts';
import { type Clip, type ClipTrack, readAt } from '../../paths/always-available/clip.ts';
import { writeFileMark } from '../../record/file/file-mark.ts';
import { writeFragmentChecksum } from '../../record/file/fragment-checksum.ts';
import { RECORDING_MODE } from '../../record/file/segment-fs.ts';
import { zoneOffsetMs } from '../../record/file/time-zone.ts';
import { leadingTrackOf } from '../../record/write/track-buffer.ts';

const MAX_PART_BYTES = 16 << 20;

interface RewriteOptions {
  /** Unix milliseconds. */
  readonly startMs: number;
  /** IANA name of the time zone, or undefined for the machine's zone. */
  readonly zone?: string | undefined;
  /** Called before each part. */
  readonly wait: () => Promise<void>;
  /** Called after each part. */
  readonly onBytes?: (bytes: number) => void;
}

type Calls = Required<Pick<RewriteOptions, 'wait' | 'onBytes'>>;

export const durationMsOf = ({ tracks }: Clip): number =>
  Math.max(1, Math.round(Math.max(...tracks.map((one) => msOf(one, one.end)))));

/**
 * Writes the samples of an MP4 file of another program as a recording of Perch, unchanged.
 * @throws PerchError for a file that cannot be taken; an error of the file system
 */
export async function rewriteMp4(
  clip: Clip,
  draft: string,
  { startMs, zone, wait, onBytes = () => {} }: RewriteOptions,
): Promise<void> {
  const offsetMinutes = Math.round(zoneOffsetMs(startMs, zone) / 60_000);
  const out = await open(draft, 'wx', RECORDING_MODE);
  try {
    await new Rewrite(clip, out, offsetMinutes, { wait, onBytes }).run(durationMsOf(clip));
    await out.utimes(startMs / 1000, (startMs + durationMsOf(clip)) / 1000);
  } finally {
    await out.close();
  }
}

class Rewrite {
  readonly #clip: Clip;
  readonly #out: FileHandle;
  readonly #firstSequence = randomInt(1, 2 ** 30);
  readonly #init: Uint8Array;
  readonly #table: SampleTableWriter;
  readonly #access: RandomAccess[] = [];
  readonly #leading: number;
  /** Number of the next sample, by track. */
  readonly #next: number[];
  readonly #calls: Calls;
  #sizeBytes = 0;
  #sequence = this.#firstSequence;

  constructor(clip: Clip, out: FileHandle, offsetMinutes: number, calls: Calls) {
    this.#clip = clip;
    this.#out = out;
    this.#calls = calls;
    const tracks = clip.tracks.map(({ track }) => track);
    const origin = { bootId: randomBytes(16).toString('hex'), monoUs: 0, isClockTrusted: true, offsetMinutes };
    this.#init = writeInit(tracks, writeFileMark({ ...origin, firstSequence: this.#firstSequence }));
    const ids = tracks.map((_, i) => i + 1);
    this.#table = new SampleTableWriter(ids, this.#init.length);
    this.#leading = leadingTrackOf(tracks);
    this.#next = clip.tracks.map(({ first }) => first);
  }

  async run(durationMs: number): Promise<void> {
    await this.#write(this.#init);
    while (this.#clip.tracks.some(({ end }, i) => (this.#next[i] as number) < end)) {
      await this.#calls.wait();
      await this.#writePart();
    }
    await this.#write(writeRecordingTail({ init: this.#init, table: this.#table.bytes }));
    await this.#write(writeMfra([{ trackId: this.#leading + 1, entries: this.#access }]));
    await this.#out.sync();
    const field = new Uint8Array(4);
    new DataView(field.buffer).setUint32(0, durationMs);
    await this.#out.write(field, 0, 4, parseInit(this.#init)?.durationOffset ?? 0);
    await this.#out.sync();
  }

  async #writePart(): Promise<void> {
    const { tracks } = this.#clip;
    const leading = tracks[this.#leading] as ClipTrack;
    const end = this.#endOfPart(leading, this.#next[this.#leading] as number);
    const untilMs = end < leading.end ? msOf(leading, end) : Number.POSITIVE_INFINITY;
    const runs: { readonly run: RunTable; readonly one: ClipTrack; readonly from: number; readonly to: number }[] = [];
    for (const [i, one] of tracks.entries()) {
      const from = this.#next[i] as number;
      let to = one === leading ? end : from;
      while (one !== leading && to < one.end && msOf(one, to) < untilMs) {
        to += 1;
      }
      this.#next[i] = to;
      if (to > from) {
        runs.push({ run: runOf(one, i + 1, from, to), one, from, to });
      }
    }
    const header = writeFragmentHeader(
      this.#sequence,
      runs.map(({ run }) => run),
      CHECKSUM_BOX_BYTES,
    );
    const pieces: Uint8Array[] = [header];
    const placed: PlacedRun[] = [];
    let sizeBytes = header.length;
    for (const { run, one, from, to } of runs) {
      placed.push({ run, dataOffset: sizeBytes });
      for (const piece of await this.#read(one, from, to)) {
        pieces.push(piece);
        sizeBytes += piece.length;
      }
    }
    writeFragmentChecksum(pieces);
    const traf = runs.findIndex(({ one }) => one === leading);
    if (traf >= 0) {
      this.#noteAccess(runs[traf]?.run as RunTable, traf + 1);
    }
    this.#table.addFragment(this.#sizeBytes, sizeBytes, header.length, placed);
    this.#sequence += 1;
    await this.#write(Buffer.concat(pieces));
    this.#calls.onBytes(sizeBytes);
  }

  /** The leading track's sample after a part: it can be decoded, or the part is large. A part has at least one sample. */
  #endOfPart(leading: ClipTrack, from: number): number {
    const { samples, end, track } = leading;
    let bytes = 0;
    for (let i = from; i < end; i += 1) {
      const isNext = track.kind === 'video' ? samples.keys[i] === 1 : msOf(leading, i) - msOf(leading, from) >= 2_000;
      if (i > from && (isNext || bytes > MAX_PART_BYTES)) {
        return i;
      }
      bytes += samples.sizes[i] as number;
    }
    return end;
  }

  #noteAccess(run: RunTable, traf: number): void {
    let time = run.baseTime;
    for (let i = 0; i < run.count; i += 1) {
      if (run.isSync(i)) {
        const shown = time + run.compositionOffsetOf(i);
        this.#access.push({ time: shown, moofOffset: this.#sizeBytes, traf, trun: 1, sample: i + 1 });
        if (this.#clip.tracks[this.#leading]?.track.kind === 'audio') {
          return;
        }
      }
      time += run.durationOf(i);
    }
  }

  /** Reads the bytes of samples. Samples that lie next to each other take one read. */
  async #read({ samples: { offsets, sizes } }: ClipTrack, from: number, to: number): Promise<Uint8Array[]> {
    const pieces: Uint8Array[] = [];
    for (let i = from; i < to; ) {
      const start = offsets[i] as number;
      let end = start;
      for (; i < to && offsets[i] === end && end - start < MAX_PART_BYTES; i += 1) {
        end += sizes[i] as number;
      }
      pieces.push(await readAt(this.#clip.handle, start, end - start));
    }
    return pieces;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#out.write(bytes, done, bytes.length - done, this.#sizeBytes + done);
      if (bytesWritten === 0) {
        throw new PerchError('exhausted', 'the disk is full', { why: 'full' });
      }
      done += bytesWritten;
    }
    this.#sizeBytes += bytes.length;
  }
}

/** Decode time of a sample, or of the end, in milliseconds. */
function msOf({ samples, first, timescale, leadMs }: ClipTrack, i: number): number {
  const ticks = i < samples.count ? (samples.times[i] as number) : samples.endTicks;
  return leadMs + ((ticks - (samples.times[first] as number)) / timescale) * 1_000;
}

function runOf(one: ClipTrack, trackId: number, from: number, to: number): RunTable {
  const { samples, timescale, shiftTicks, track } = one;
  const ticksOf = (i: number) => Math.max(0, Math.round((msOf(one, i) * track.clockRate) / 1_000));
  return {
    trackId,
    baseTime: ticksOf(from),
    count: to - from,
    sizeOf: (i) => samples.sizes[from + i] as number,
    durationOf: (i) => Math.max(0, ticksOf(from + i + 1) - ticksOf(from + i)),
    compositionOffsetOf: (i) =>
      Math.round((((samples.compositionOffsets[from + i] as number) - shiftTicks) * track.clockRate) / timescale),
    isSync: (i) => samples.keys[from + i] === 1,
  };
}
