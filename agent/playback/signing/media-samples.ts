import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import { readFull } from '../../base/files/read-full.ts';
import { fourcc } from '../../media/mp4/box/boxes.ts';
import { type BoxLocation, boxAt, viewOf } from '../../media/mp4/box/walk.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import type { Mp4Track } from '../../media/mp4/read/read-track.ts';
import { readSampleTable, tablesOf } from '../../media/mp4/read/sample-table.ts';
import type { TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { FragmentWalk } from '../../record/file/fragment-walk.ts';
import { recordFormatOf } from '../../record/file/record-path.ts';
import type { ReadableFile } from '../../record/file/segment-fs.ts';
import type { PlacedSample } from '../../record/signing/sample-digests.ts';
import { samplesOf } from '../../record/signing/sample-groups.ts';
import { BOX_HEAD_BYTES, isSignatureBox, MAX_SIGNATURES_BYTES } from '../../record/signing/signatures.ts';
import { TsFile } from '../mpegts/ts-file.ts';
import { readTsTable } from '../mpegts/ts-table.ts';

/** The `moov` of six hours of video and audio has 40 MB. */
const MAX_MOVIE_BYTES = 256 << 20;
/** First bytes of a ZIP file, as which a film of several cameras is downloaded. */
const ZIP = Buffer.from('PK\x03\x04', 'latin1');
const MOOV = fourcc('moov');
const MOOF = fourcc('moof');

export interface MediaSample extends PlacedSample {
  /** Decode time in the file. */
  readonly seconds: number;
}

type NextSample = () => Promise<MediaSample | undefined>;

export interface MediaTrack extends Pick<Mp4Track, 'id' | 'kind' | 'sampleEntry'> {
  /** The next sample in decode order, or undefined at the end of the track. */
  readonly next: NextSample;
}

/** The samples of a file, in order, with little memory. */
export interface MediaFile {
  /** Reads the samples' bytes. */
  readonly handle: ReadableFile;
  readonly tracks: readonly MediaTrack[];
  /** The box with its signatures, if it has one. */
  readonly signatures: Uint8Array | undefined;
  close(): Promise<void>;
}

/** @throws PerchError for a file that is no MP4 file and no recording in MPEG-TS; an error of the file system */
export async function openMedia(file: string): Promise<MediaFile> {
  const handle = await open(file, 'r');
  try {
    const opened = recordFormatOf(file) === 'mpegts' ? await openTs(file, handle) : await openMp4(handle);
    return { ...opened, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

type Opened = Omit<MediaFile, 'close'>;

async function openTs(file: string, handle: FileHandle): Promise<Opened> {
  const { head, table, tsFragments } = await readTsTable(handle);
  const tracks = head.init.tracks.flatMap((track) => {
    const samples = samplesOf(table, track.id);
    return samples ? [{ ...track, next: fromTable(samples, track.timescale) }] : [];
  });
  return { handle: new TsFile(file, handle, tsFragments), tracks, signatures: undefined };
}

function fromTable({ count, sizes, durations, runs }: TrackSamples, timescale: number): NextSample {
  let [sample, run, offset, ticks] = [0, -1, 0, 0];
  return async () => {
    if (sample >= count) {
      return undefined;
    }
    if (run + 1 < runs.count && runs.firstSamples[run + 1] === sample) {
      run += 1;
      offset = runs.dataOffsets[run] as number;
      ticks = runs.baseTimes[run] as number;
    }
    const placed = { offset, sizeBytes: sizes[sample] as number, seconds: ticks / timescale };
    offset += placed.sizeBytes;
    ticks += durations[sample] as number;
    sample += 1;
    return placed;
  };
}

async function openMp4(handle: FileHandle): Promise<Opened> {
  const { size } = await handle.stat();
  const { movie, isFragmented, signed } = await findBoxes(handle, size);
  if (!movie || movie.end - movie.start > MAX_MOVIE_BYTES) {
    const isZip = (await readStart(handle)).equals(ZIP);
    throw new PerchError(
      'badInput',
      isZip
        ? 'it is a ZIP file: verify the MP4 files in it'
        : movie
          ? `its 'moov' has ${movie.end - movie.start} bytes`
          : "it has no MP4 'moov'",
    );
  }
  const moov = await readBox(handle, movie);
  const init = parseInit(moov, MAX_MOVIE_BYTES);
  if (!init) {
    throw new PerchError('badInput', "its MP4 'moov' is cut short");
  }
  const signatures =
    signed && signed.end - signed.start <= MAX_SIGNATURES_BYTES ? await readBox(handle, signed) : undefined;
  if (isFragmented) {
    const queue = new FragmentQueue(new FragmentWalk(handle, init, size, movie.end), init.tracks);
    const tracks = init.tracks.map((track) => ({ ...track, next: () => queue.next(track.id) }));
    return { handle, tracks, signatures };
  }
  const tracks = init.tracks.map((track) => {
    const list = readSampleTable(tablesOf(moov, track));
    let sample = 0;
    const next = async () => {
      const at = sample;
      sample += 1;
      return at < list.count
        ? {
            offset: list.offsets[at] as number,
            sizeBytes: list.sizes[at] as number,
            seconds: (list.times[at] as number) / track.timescale,
          }
        : undefined;
    };
    return { ...track, next };
  });
  return { handle, tracks, signatures };
}

async function readStart(handle: FileHandle): Promise<Buffer> {
  const bytes = Buffer.alloc(ZIP.length);
  return bytes.subarray(0, await readFull(handle, bytes, 0));
}

interface FoundBoxes {
  movie: BoxLocation | undefined;
  isFragmented: boolean;
  signed: BoxLocation | undefined;
}

/** Finds the top-level boxes of interest. What follows a damaged box is not found. */
async function findBoxes(handle: FileHandle, sizeBytes: number): Promise<FoundBoxes> {
  const found: FoundBoxes = { movie: undefined, isFragmented: false, signed: undefined };
  const head = new Uint8Array(BOX_HEAD_BYTES);
  for (let at = 0; at < sizeBytes; ) {
    const bytesRead = await readFull(handle, head, at);
    const place = bytesRead < 8 ? undefined : boxOrNothing(head.subarray(0, bytesRead));
    if (!place || at + place.end > sizeBytes) {
      break;
    }
    const box = { ...place, start: at, bodyStart: at + place.bodyStart, end: at + place.end };
    if (box.type === MOOV) {
      found.movie ??= box;
    } else if (box.type === MOOF) {
      found.isFragmented = true;
    } else if (isSignatureBox(head.subarray(0, bytesRead))) {
      found.signed = box;
    }
    at = box.end;
  }
  return found;
}

function boxOrNothing(head: Uint8Array): BoxLocation | undefined {
  try {
    return boxAt(viewOf(head), 0, head.length);
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}

async function readBox(handle: FileHandle, { start, end }: BoxLocation): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  if ((await readFull(handle, bytes, start)) < bytes.length) {
    throw new PerchError('badInput', 'the file became shorter while it was read');
  }
  return bytes;
}

/** Samples of a fragmented file, by track. */
class FragmentQueue {
  readonly #walk: FragmentWalk;
  readonly #queues: ReadonlyMap<number, { readonly timescale: number; samples: MediaSample[]; at: number }>;
  #isOver = false;
  #count = 0;

  constructor(walk: FragmentWalk, tracks: readonly Mp4Track[]) {
    this.#walk = walk;
    this.#queues = new Map(tracks.map(({ id, timescale }) => [id, { timescale, samples: [], at: 0 }]));
  }

  async next(trackId: number): Promise<MediaSample | undefined> {
    const queue = this.#queues.get(trackId);
    while (queue && queue.at === queue.samples.length && !this.#isOver) {
      queue.samples = [];
      queue.at = 0;
      await this.#read();
    }
    if (!queue || queue.at === queue.samples.length) {
      return undefined;
    }
    queue.at += 1;
    return queue.samples[queue.at - 1];
  }

  async #read(): Promise<void> {
    const placed = await this.#walk.next();
    if (!placed) {
      this.#isOver = true;
      return;
    }
    for (const { trackId, baseTime, dataOffset, sizes, durations } of placed.fragment.runs) {
      this.#count += sizes.length;
      const queue = this.#queues.get(trackId);
      let offset = placed.offset + dataOffset;
      let ticks = baseTime;
      for (let i = 0; queue && i < sizes.length; i += 1) {
        const sizeBytes = sizes[i] as number;
        queue.samples.push({ offset, sizeBytes, seconds: ticks / queue.timescale });
        offset += sizeBytes;
        ticks += durations[i] as number;
      }
      // Samples of this track that wait for those of another: hours. Samples of all tracks: a month.
      if (queue && (queue.samples.length - queue.at > 5_000_000 || this.#count > 200_000_000)) {
        throw new PerchError('badInput', `track ${trackId} has more samples than any recording`);
      }
    }
  }
}
