import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import { openRegularFile } from '../../base/files/open-regular-file.ts';
import { fourcc } from '../../media/mp4/box/boxes.ts';
import { type BoxLocation, boxAt, viewOf } from '../../media/mp4/box/walk.ts';
import { trackOfEntry } from '../../media/mp4/read/entry-track.ts';
import { MAX_MOOV_BYTES, type Mp4Init, parseFragment, parseInit } from '../../media/mp4/read/read.ts';
import { SampleList } from '../../media/mp4/read/sample-list.ts';
import { type EditedSpan, editedSpan, readSampleTable, tablesOf } from '../../media/mp4/read/sample-table.ts';
import type { Track } from '../../media/sample/track.ts';

const [FTYP, MOOV, MOOF] = [fourcc('ftyp'), fourcc('moov'), fourcc('moof')];
const HEADER_BYTES = 16;
const MAX_SAMPLE_BYTES = 16 << 20;
/** The clip's length is a multiple of this: whole ticks in all clock rates of audio and video, so that tracks do not drift apart. */
const LENGTH_STEP_MS = 40;

/** The part of a track that is played: its samples from `first` up to, but not including, `end`. */
export interface ClipTrack {
  readonly track: Track;
  readonly timescale: number;
  readonly samples: SampleList;
  readonly first: number;
  readonly end: number;
  /** What is added to decode times, and subtracted from composition offsets, so that none is negative. */
  readonly shiftTicks: number;
  /** Decode time of the first sample, from the beginning of the clip. */
  readonly leadMs: number;
}

/** An open MP4 file with the places of its samples; the samples stay in the file. */
export interface Clip {
  readonly handle: FileHandle;
  /** Identifies the content: it differs after the file has been changed or replaced. */
  readonly version: string;
  readonly tracks: readonly ClipTrack[];
  readonly lengthMs: number;
}

/** @throws PerchError, or an error of the file system */
/** @param links whether the file may be a symbolic link */
export async function openClip(path: string, links: 'links' | 'no links' = 'links'): Promise<Clip> {
  const handle = await openRegularFile(path, links);
  try {
    const status = await handle.stat();
    const { size } = status;
    const { movie, lists } = await readIndex(handle, size);
    const tracks = placeTracks(movie, lists, size);
    const endMs = Math.max(...tracks.map(endOf));
    const startMs = Math.min(...tracks.map(({ leadMs }) => leadMs));
    const fromStart = tracks.map((one) => ({ ...one, leadMs: one.leadMs - startMs }));
    const steps = Math.ceil((endMs - startMs) / LENGTH_STEP_MS);
    return { handle, version: versionOf(status), tracks: fromStart, lengthMs: LENGTH_STEP_MS * Math.max(1, steps) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export const versionOf = ({ dev, ino, size, mtimeMs }: Stats): string => `${dev} ${ino} ${size} ${mtimeMs}`;

interface Movie extends Mp4Init {
  readonly moov: Uint8Array;
}

/** Reads the headers of the file: `moov` and, in a fragmented file, each `moof`. */
async function readIndex(handle: FileHandle, fileBytes: number) {
  const lists = new Map<number, SampleList>();
  let movie: Movie | undefined;
  let at = 0;
  for (let boxes = 0; at < fileBytes && boxes < 100_000; boxes += 1) {
    const header = await readAt(handle, at, Math.min(HEADER_BYTES, fileBytes - at));
    const isLast = header.length >= 4 && header.readUInt32BE(0) === 0;
    const box = isLast ? undefined : boxAt(viewOf(header), 0, header.length);
    if (boxes === 0 && box?.type !== FTYP) {
      throw new PerchError('badInput', "it is not an MP4 file: it does not begin with 'ftyp'");
    }
    if (!box) {
      break;
    }
    if (box.type === MOOV) {
      movie = await readMovie(handle, at, box);
    } else if (box.type === MOOF && movie) {
      await readFragment(handle, { at, box, fileBytes }, movie, lists);
    }
    at += box.end;
  }
  if (!movie) {
    throw new PerchError('badInput', "MP4 file without 'moov': it is cut, or still being written");
  }
  return { movie, lists };
}

async function readMovie(handle: FileHandle, at: number, box: BoxLocation): Promise<Movie> {
  if (box.end > MAX_MOOV_BYTES) {
    throw new PerchError('unsupported', `MP4 header of ${box.end} bytes, at most ${MAX_MOOV_BYTES}`);
  }
  const moov = await readAt(handle, at, box.end);
  const init = parseInit(moov);
  if (!init) {
    throw new PerchError('badInput', "MP4 'moov' is cut");
  }
  return { ...init, moov };
}

async function readFragment(
  handle: FileHandle,
  { at, box, fileBytes }: { readonly at: number; readonly box: BoxLocation; readonly fileBytes: number },
  { tracks }: Movie,
  lists: Map<number, SampleList>,
): Promise<void> {
  if (box.end > MAX_MOOV_BYTES) {
    throw new PerchError('unsupported', `MP4 'moof' of ${box.end} bytes, at most ${MAX_MOOV_BYTES}`);
  }
  // The file may end right after the header of the last fragment's `mdat`.
  const bytes = await readAt(handle, at, Math.min(box.end + HEADER_BYTES, fileBytes - at));
  const fragment = parseFragment(bytes, 0, { tracks, moofFileOffset: at });
  for (const run of fragment?.runs ?? []) {
    const list = lists.get(run.trackId) ?? new SampleList();
    lists.set(run.trackId, list);
    let offset = at + run.dataOffset;
    let time = run.baseTime;
    for (let i = 0; i < run.count; i += 1) {
      const size = run.sizes[i] as number;
      list.add(offset, size, time, run.compositionOffsets?.[i] ?? 0, run.isSync(i));
      offset += size;
      time += run.durations[i] as number;
    }
    list.endTicks = time;
  }
}

function placeTracks(movie: Movie, lists: ReadonlyMap<number, SampleList>, fileBytes: number): readonly ClipTrack[] {
  const placed: ClipTrack[] = [];
  for (const one of movie.tracks.slice(0, 8)) {
    const track = trackOfEntry(one);
    if (!track) {
      continue;
    }
    const tables = tablesOf(movie.moov, one);
    const samples = lists.get(one.id) ?? readSampleTable(tables);
    checkPlaces(samples, one.id, fileBytes);
    if (samples.count > 0) {
      const span = editedSpan(tables, one.timescale, movie.movieTimescale);
      placed.push(place(track, one.timescale, samples, span));
    }
  }
  if (placed.length === 0) {
    const codecs = movie.tracks.map(({ codec }) => codec).join(', ') || 'no video or audio';
    throw new PerchError('unsupported', `MP4 file without samples that can be played (${codecs})`);
  }
  return placed;
}

function checkPlaces({ count, sizes, offsets }: SampleList, id: number, fileBytes: number): void {
  for (let i = 0; i < count; i += 1) {
    const [size, offset] = [sizes[i] as number, offsets[i] as number];
    if (size > MAX_SAMPLE_BYTES) {
      throw new PerchError('unsupported', `MP4 sample of ${size} bytes in track ${id}, at most ${MAX_SAMPLE_BYTES}`);
    }
    if (offset < 0 || offset + size > fileBytes) {
      const message = `MP4 sample ${i + 1} of track ${id} lies outside the file of ${fileBytes} bytes`;
      throw new PerchError('badInput', message);
    }
  }
}

function place(track: Track, timescale: number, samples: SampleList, span: EditedSpan): ClipTrack {
  const { count, times, compositionOffsets, keys } = samples;
  const { startTicks, lengthTicks, emptyTicks } = span;
  const timeOf = (i: number) => (times[i] as number) + (compositionOffsets[i] as number);
  const endTicks = lengthTicks === undefined ? Number.POSITIVE_INFINITY : startTicks + lengthTicks;
  let first = -1;
  let end = 0;
  let shiftTicks = 0;
  for (let i = 0; i < count; i += 1) {
    if (keys[i] === 1 && (first < 0 || timeOf(i) <= startTicks)) {
      first = i;
    }
    if (timeOf(i) < endTicks) {
      end = i + 1;
    }
    shiftTicks = Math.min(shiftTicks, compositionOffsets[i] as number);
  }
  if (first < 0 || end <= first) {
    throw new PerchError('unsupported', `MP4 track with ${track.codec} has no key sample to begin with`);
  }
  const leadTicks = (times[first] as number) + shiftTicks - startTicks + emptyTicks;
  return { track, timescale, samples, first, end, shiftTicks, leadMs: (leadTicks / timescale) * 1_000 };
}

/** End of a track's samples in milliseconds, on the scale of `leadMs`. */
function endOf({ samples, first, end, timescale, leadMs }: ClipTrack): number {
  const endTicks = end < samples.count ? (samples.times[end] as number) : samples.endTicks;
  return leadMs + ((endTicks - (samples.times[first] as number)) / timescale) * 1_000;
}

/** @throws PerchError if the file is shorter */
export async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) {
      throw new PerchError('badInput', `MP4 file ends at byte ${offset + filled}, within its data`);
    }
    filled += bytesRead;
  }
  return bytes;
}
