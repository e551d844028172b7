import { sampleEntry } from '../../codecs.ts';
import type { Track } from '../../sample/track.ts';
import { box, type Fields, fullBox, text, u16, u32, zeros } from '../box/boxes.ts';

/*
 * A fragmented file begins with (ISO/IEC 14496-12):
 *   ftyp
 *   moov ── mvhd
 *        ├─ trak ── tkhd
 *        │       └─ mdia ── mdhd, hdlr, minf ── vmhd | smhd, dinf, stbl (stsd describes the samples; the tables are empty)
 *        ├─ mvex ── trex (one for each track)
 *        └─ udta (optional)
 */

/** Ticks per second of `mvhd.duration`. */
const MOVIE_TIMESCALE = 1000;
const UNITY_MATRIX: Fields = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].flatMap(u32);
const LANGUAGE_UNDETERMINED = u16(0x55c4);

/**
 * `ftyp` and `moov` of a fragmented file without samples: track_ID = index + 1, time scale = clock rate, duration 0.
 * @param userData whole boxes for `moov/udta`
 */
export function writeInit(tracks: readonly Track[], userData?: Uint8Array): Uint8Array {
  const ftyp = box('ftyp', text('mp42'), u32(1), text('mp42iso6isomhlsf'));
  const traks = tracks.map((track, i) => trak(i + 1, track));
  const mvex = box('mvex', ...tracks.map((_, i) => trex(i + 1)));
  const udta = userData ? [box('udta', userData)] : [];
  const moov = box('moov', mvhd(tracks.length + 1), ...traks, mvex, ...udta);
  const whole = new Uint8Array(ftyp.length + moov.length);
  whole.set(ftyp);
  whole.set(moov, ftyp.length);
  return whole;
}

function mvhd(nextTrackId: number): Uint8Array {
  const [rate, volume] = [u32(0x10000), u16(0x100)];
  const times = [...zeros(8), ...u32(MOVIE_TIMESCALE), ...u32(0)];
  return fullBox('mvhd', 0, 0, times, rate, volume, zeros(10), UNITY_MATRIX, zeros(24), u32(nextTrackId));
}

function trak(id: number, track: Track): Uint8Array {
  return box('trak', tkhd(id, track), box('mdia', mdhd(track.clockRate), hdlr(track.kind), minf(track)));
}

function tkhd(id: number, track: Track): Uint8Array {
  const enabledInMovie = 3;
  const isVideo = track.kind === 'video';
  // Tracks of one alternate group exclude each other, as audio tracks should; video has no group.
  const group = [...u16(0), ...u16(isVideo ? 0 : 1), ...u16(isVideo ? 0 : 0x100), ...u16(0)];
  const size = isVideo ? [...u16(track.width), 0, 0, ...u16(track.height), 0, 0] : zeros(8);
  return fullBox('tkhd', 0, enabledInMovie, zeros(8), u32(id), zeros(8), zeros(8), group, UNITY_MATRIX, size);
}

function mdhd(timescale: number): Uint8Array {
  return fullBox('mdhd', 0, 0, zeros(8), u32(timescale), u32(0), LANGUAGE_UNDETERMINED, zeros(2));
}

function hdlr(kind: Track['kind']): Uint8Array {
  const [type, name] = kind === 'video' ? ['vide', 'VideoHandler\0'] : ['soun', 'SoundHandler\0'];
  return fullBox('hdlr', 0, 0, zeros(4), text(type), zeros(12), text(name));
}

function minf(track: Track): Uint8Array {
  const header = track.kind === 'video' ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4));
  const inThisFile = fullBox('url ', 0, 1);
  const dinf = box('dinf', fullBox('dref', 0, 0, u32(1), inThisFile));
  return box('minf', header, dinf, stbl(track));
}

function stbl(track: Track): Uint8Array {
  return box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), sampleEntry(track)),
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0), u32(0)),
    fullBox('stco', 0, 0, u32(0)),
  );
}

function trex(id: number): Uint8Array {
  const defaults = [...u32(0), ...u32(0), ...u32(0)];
  return fullBox('trex', 0, 0, u32(id), u32(1), defaults);
}
