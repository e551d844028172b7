import { ConcurrencyLimits } from '../../base/concurrency-limit.ts';
import { PerchError } from '../../base/errors.ts';
import { recordOfEntry } from '../../media/mp4/read/entry-track.ts';
import { firstFrom, offsetOf, shownAt } from '../../media/mp4/table/sample-search.ts';
import type { CodedPicture } from '../../picture/contracts.ts';
import { pictureByFfmpeg } from '../../picture/ffmpeg.ts';
import type { Pictures } from '../../picture/pictures.ts';
import { openRecording, readFully } from '../read/range-stream.ts';
import { etagOf } from '../read/send-ranged.ts';
import { recordedFile } from '../read/slice.ts';
import { type FoundKey, MAX_FRAME_BYTES, readFrame, shownUs, sizeOf } from './frame.ts';
import type { FoundSnapshot } from './snapshot.ts';

/** Samples that are decoded for one picture, from the key frame on: ten seconds of most cameras. */
const MAX_DECODED = 250;
/** `until` for a key frame on its own: the largest time that the decoder takes. */
const ANY_TIME = 0x7fff_ffff;

export interface PictureQuery {
  /** Width of the JPEG in pixels, at most that of the picture, or undefined for that of the picture. */
  readonly width: number | undefined;
  /** The picture of the moment itself, not the key frame before it. */
  readonly isExact: boolean;
}

/** Who made the JPEG: Perch, ffmpeg, or the camera, of a recorded MJPEG or as its own still. */
type PictureMaker = 'perch' | 'ffmpeg' | 'camera';

export interface JpegOfMoment {
  readonly jpeg: Uint8Array;
  /** Capture time in Unix microseconds. */
  readonly timeUs: number;
  readonly by: PictureMaker;
}

export interface RecordedPicture {
  /** Quoted. */
  readonly etag: string;
  /** The recording is finished and has video at this time: the result cannot change. */
  readonly isFinal: boolean;
  make(): Promise<JpegOfMoment>;
}

/**
 * @param pictures decodes H.264 and H.265
 * @param snapshot the camera's still nearest to the time, for what cannot be decoded
 */
export function pictureOf(
  found: FoundKey,
  timeUs: number,
  query: PictureQuery,
  pictures: Pick<Pictures, 'make'>,
  snapshot: () => Promise<FoundSnapshot>,
): RecordedPicture {
  const { tabled, row, key } = found;
  const last = query.isExact && !key.isLater ? lastNeeded(found, timeUs) : key.sample;
  const place = offsetOf(key.samples, key.sample);
  const identity = [row.file, row.startUs, tabled.head.init.sizeBytes, place, last, query.width ?? 0, 'jpeg'];
  const make = async (): Promise<JpegOfMoment> => {
    try {
      return await decoded(found, last, timeUs, query.width, pictures);
    } catch (error) {
      if (!(error instanceof PerchError && error.code === 'unsupported')) {
        throw error;
      }
      return (await byOthers(found, query.width, snapshot)) ?? Promise.reject(error);
    }
  };
  return { etag: etagOf(JSON.stringify(identity)), isFinal: tabled.head.isFinished && key.isInside, make };
}

/** The last sample that is decoded for the picture of a time; bounded. */
function lastNeeded({ row, key }: FoundKey, timeUs: number): number {
  const { samples, sample, timescale } = key;
  const ticks = Math.floor(((timeUs - row.startUs) / 1e6) * timescale);
  const end = Math.min(firstFrom(samples, ticks + 1), sample + MAX_DECODED, samples.count);
  let bytes = sizeOf(key);
  for (let i = sample + 1; i < end; i += 1) {
    bytes += samples.sizes[i] as number;
    if (bytes > MAX_FRAME_BYTES || samples.syncs[i] === 1) {
      return i - 1;
    }
  }
  return Math.max(end - 1, sample);
}

async function decoded(
  found: FoundKey,
  last: number,
  timeUs: number,
  width: number | undefined,
  pictures: Pick<Pictures, 'make'>,
): Promise<JpegOfMoment> {
  const { tabled, row, key } = found;
  const track = tabled.head.init.tracks.find(({ id }) => id === key.trackId);
  const entry = track && recordOfEntry(track);
  const data = await readSamples(found, last);
  if (!entry) {
    const [jpeg] = data;
    if (jpeg?.[0] !== 0xff || jpeg[1] !== 0xd8) {
      throw new PerchError('unsupported', `pictures of ${track?.codec} are not decoded here: install ffmpeg`);
    }
    return { jpeg, timeUs: shownUs(row, key), by: 'camera' };
  }
  const start = shownAt(key.samples, key.sample);
  const ticks = data.map((_, i) => shownAt(key.samples, key.sample + i) - start);
  const until = last > key.sample ? Math.floor(((timeUs - row.startUs) / 1e6) * key.timescale) - start : ANY_TIME;
  const coded: CodedPicture = {
    codec: entry.codec,
    // A copy: the worker gets the whole memory of a view.
    record: entry.record.slice(),
    samples: data.map((bytes, i) => ({ data: bytes, time: Math.min(ticks[i] as number, ANY_TIME) })),
    until: Math.min(until, ANY_TIME),
  };
  const { jpeg, time } = await pictures.make({ coded, width });
  return { jpeg, timeUs: shownUs(row, key) + Math.round((time / key.timescale) * 1e6), by: 'perch' };
}

/** The samples as views of memory that nothing else uses. */
async function readSamples({ tabled, key: { samples, sample } }: FoundKey, last: number): Promise<Uint8Array[]> {
  const sizes = Array.from(samples.sizes.subarray(sample, last + 1));
  const bytes = Buffer.allocUnsafeSlow(sizes.reduce((sum, size) => sum + size, 0));
  const handle = await openRecording(recordedFile(tabled));
  const data: Uint8Array[] = [];
  try {
    let filled = 0;
    for (const [i, size] of sizes.entries()) {
      const part = bytes.subarray(filled, filled + size);
      await readFully(handle, part, offsetOf(samples, sample + i), tabled.file);
      data.push(part);
      filled += size;
    }
  } finally {
    await handle.close();
  }
  return data;
}

async function byOthers(
  found: FoundKey,
  width: number | undefined,
  snapshot: () => Promise<FoundSnapshot>,
): Promise<JpegOfMoment | undefined> {
  const { bytes, timeUs } = await readFrame(found);
  const jpeg = await pictureByFfmpeg(bytes, width);
  if (jpeg) {
    return { jpeg, timeUs, by: 'ffmpeg' };
  }
  try {
    return { ...(await snapshot()), by: 'camera' };
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}

/** Pictures are made a few at a time for each person, by name or address, so that the others get theirs. */
export class PictureTurns extends ConcurrencyLimits {
  constructor() {
    // Of one person: the decoder has room for 16, and a page of events asks for some thirty at once.
    super(4, 60, 'pictures');
  }
}
