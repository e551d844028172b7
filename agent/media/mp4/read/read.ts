import { PerchError } from '../../../base/errors.ts';
import { fourcc, fourccText } from '../box/boxes.ts';
import { type BoxLocation, boxAt, childrenOf, need, uint64, versionOf, viewOf } from '../box/walk.ts';
import { FragmentReader, type FragmentRun } from './read-runs.ts';
import { isMedia, type Mp4Track, parseTrak, type SampleDefaults, type TrackFields } from './read-track.ts';

/** The header of an MP4 file: its boxes up to `moov`. */
export interface Mp4Init {
  /** From the start of the file to the end of `moov`. */
  readonly sizeBytes: number;
  /** Video and audio; other kinds are left out. */
  readonly tracks: readonly Mp4Track[];
  /** From `mvhd`: 0 while a fragmented file is being written. */
  readonly durationMs: number;
  /** Offset of `mvhd.duration` in the file: `durationBytes` bytes, in ticks of `movieTimescale`. */
  readonly durationOffset: number;
  readonly durationBytes: 4 | 8;
  readonly movieTimescale: number;
  /** The body of `moov/udta`: a view. */
  readonly userData: Uint8Array | undefined;
}

const MOOV = fourcc('moov');
const MOOF = fourcc('moof');
const MDAT = fourcc('mdat');
/** The `moov` of a fragmented file has a few kilobytes; bounds the wait for a corrupt size. */
export const MAX_MOOV_BYTES = 8 << 20;
/** A `moof` of 50 MB of samples has some tens of kilobytes. */
const MAX_MOOF_BYTES = 8 << 20;
const MAX_TRACKS = 64;

/** The boxes up to `moov`; undefined if `bytes` end before it. @param maxBytes more with the sample tables of long files */
export function parseInit(bytes: Uint8Array, maxBytes = MAX_MOOV_BYTES): Mp4Init | undefined {
  const view = viewOf(bytes);
  for (let at = 0; ; ) {
    const top = boxAt(view, at, bytes.length);
    if (!top) {
      return undefined;
    }
    if (top.type === MOOF || top.type === MDAT) {
      throw new PerchError('badInput', `MP4 box '${fourccText(top.type)}' before 'moov'`);
    }
    if (top.end > maxBytes) {
      throw new PerchError('badInput', `MP4 header of ${top.end} bytes, at most ${maxBytes}`);
    }
    if (top.end > bytes.length) {
      return undefined;
    }
    if (top.type === MOOV) {
      return parseMoov(bytes, view, top);
    }
    at = top.end;
  }
}

function parseMoov(bytes: Uint8Array, view: DataView, moov: BoxLocation): Mp4Init {
  const tracks: TrackFields[] = [];
  const defaults = new Map<number, SampleDefaults>();
  let movie: ReturnType<typeof parseMvhd> | undefined;
  let userData: Uint8Array | undefined;
  for (const child of childrenOf(view, moov)) {
    switch (fourccText(child.type)) {
      case 'mvhd':
        movie = parseMvhd(view, child);
        break;
      case 'trak':
        tracks.push(parseTrak(bytes, view, child));
        break;
      case 'mvex':
        parseMvex(view, child, defaults);
        break;
      case 'udta':
        userData = bytes.subarray(child.bodyStart, child.end);
        break;
    }
    if (tracks.length > MAX_TRACKS) {
      throw new PerchError('badInput', `MP4 with more than ${MAX_TRACKS} tracks`);
    }
  }
  if (!movie) {
    throw new PerchError('badInput', "MP4 'moov' without 'mvhd'");
  }
  for (const track of tracks) {
    track.defaults = defaults.get(track.id) ?? track.defaults;
  }
  return { sizeBytes: moov.end, tracks: tracks.filter(isMedia), ...movie, userData };
}

function parseMvhd(view: DataView, mvhd: BoxLocation) {
  const is64 = versionOf(view, mvhd) === 1;
  need(mvhd, is64 ? 32 : 20);
  const movieTimescale = view.getUint32(mvhd.bodyStart + (is64 ? 20 : 12));
  const durationOffset = mvhd.bodyStart + (is64 ? 24 : 16);
  const ticks = is64 ? uint64(view, durationOffset) : view.getUint32(durationOffset);
  // All ones: unknown (ISO/IEC 14496-12 §8.2.2.3).
  const isUnknown = movieTimescale === 0 || ticks === (is64 ? 2 ** 64 : 0xffff_ffff);
  return {
    movieTimescale,
    durationOffset,
    durationBytes: is64 ? (8 as const) : (4 as const),
    durationMs: isUnknown ? 0 : (ticks * 1000) / movieTimescale,
  };
}

function parseMvex(view: DataView, mvex: BoxLocation, defaults: Map<number, SampleDefaults>): void {
  for (const child of childrenOf(view, mvex)) {
    if (fourccText(child.type) === 'trex') {
      need(child, 24);
      const at = child.bodyStart;
      defaults.set(view.getUint32(at + 4), {
        duration: view.getUint32(at + 12),
        sizeBytes: view.getUint32(at + 16),
        flags: view.getUint32(at + 20),
      });
    }
  }
}

/** A `moof` with the `mdat` after it. */
export interface Mp4Fragment {
  /** `moof` and `mdat` together. */
  readonly sizeBytes: number;
  readonly moofBytes: number;
  /** The header of `mdat`: 8 or 16. Its payload begins `moofBytes + mdatHeaderBytes` from the start. */
  readonly mdatHeaderBytes: number;
  readonly sequence: number;
  readonly runs: readonly FragmentRun[];
}

/** What a fragment does not contain. */
interface FragmentContext {
  /** For files whose samples use `trex` (ffmpeg). */
  readonly tracks?: readonly Pick<Mp4Track, 'id' | 'defaults'>[];
  /** Offset of the `moof` in its file, the base of absolute data offsets; without it they count from the `moof`. */
  readonly moofFileOffset?: number;
}

/**
 * The `moof` at `offset` and the header of its `mdat`; undefined if `bytes` end before that header does.
 * The samples' bytes are not needed, but must lie inside `mdat`.
 */
export function parseFragment(bytes: Uint8Array, offset = 0, context: FragmentContext = {}): Mp4Fragment | undefined {
  const view = viewOf(bytes);
  const moof = boxAt(view, offset, bytes.length);
  if (moof && moof.type !== MOOF) {
    throw new PerchError('badInput', `MP4 box '${fourccText(moof.type)}' where 'moof' was expected`);
  }
  if (moof && moof.end - moof.start > MAX_MOOF_BYTES) {
    throw new PerchError('badInput', `MP4 'moof' of ${moof.end - moof.start} bytes, at most ${MAX_MOOF_BYTES}`);
  }
  const mdat = moof && boxAt(view, moof.end, bytes.length);
  if (!mdat) {
    return undefined;
  }
  if (mdat.type !== MDAT) {
    throw new PerchError('badInput', `MP4 box '${fourccText(mdat.type)}' where 'mdat' was expected`);
  }
  const defaults = new Map(context.tracks?.map((track) => [track.id, track.defaults]));
  const reader = new FragmentReader(view, moof, defaults, context.moofFileOffset);
  reader.read();
  for (const run of reader.runs) {
    const [start, end] = [moof.start + run.dataOffset, moof.start + run.dataOffset + run.sizeBytes];
    if (start < mdat.bodyStart || end > mdat.end) {
      throw new PerchError('badInput', `MP4 samples of track ${run.trackId} lie outside their 'mdat'`);
    }
  }
  return {
    sizeBytes: mdat.end - moof.start,
    moofBytes: moof.end - moof.start,
    mdatHeaderBytes: mdat.bodyStart - mdat.start,
    sequence: reader.sequence,
    runs: reader.runs,
  };
}
