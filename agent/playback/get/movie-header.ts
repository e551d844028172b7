import { box, type Fields, fullBox, text, u16, u32, u64, zeros } from '../../media/mp4/box/boxes.ts';
import type { Mp4Track } from '../../media/mp4/read/read-track.ts';
import { boxOf } from './box-parts.ts';
import type { PlacedTables, SampleTables } from './sample-tables.ts';

/** Fine enough for every video track. */
const MOVIE_TIMESCALE = 90_000;
const UNITY_MATRIX: Fields = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].flatMap(u32);

export interface MovieTrack {
  readonly track: Mp4Track;
  readonly tables: SampleTables;
}

/** `moov` of a plain MP4 file. @param isLarge data offsets need 64 bits */
export function writeMovie(tracks: readonly MovieTrack[], isLarge: boolean): PlacedTables {
  const durations = tracks.map(({ track, tables }) => movieTicks(Math.max(0, tables.endTime), track.timescale));
  const nextTrackId = Math.max(0, ...tracks.map(({ track }) => track.id)) + 1;
  const written = tracks.map(({ track, tables }) => tables.write(track.sampleEntry, isLarge));
  const traks = tracks.flatMap((track, i) => trak(track, durations[i] ?? 0, written[i]?.pieces ?? []));
  return {
    pieces: boxOf('moov', [mvhd(Math.max(0, ...durations), nextTrackId), ...traks]),
    placeData: (start) => {
      for (const tables of written) {
        tables.placeData(start);
      }
    },
  };
}

const movieTicks = (ticks: number, timescale: number): number => Math.round((ticks * MOVIE_TIMESCALE) / timescale);

function mvhd(duration: number, nextTrackId: number): Uint8Array {
  const times = [...zeros(16), ...u32(MOVIE_TIMESCALE), ...u64(duration)];
  return fullBox('mvhd', 1, 0, times, u32(0x10000), u16(0x100), zeros(10), UNITY_MATRIX, zeros(24), u32(nextTrackId));
}

function trak({ track, tables }: MovieTrack, duration: number, stbl: readonly Uint8Array[]): Uint8Array[] {
  const isVideo = track.kind === 'video';
  const group = [...u16(0), ...u16(isVideo ? 0 : 1), ...u16(isVideo ? 0 : 0x100), ...u16(0)];
  const size = isVideo ? [...u16(track.width), 0, 0, ...u16(track.height), 0, 0] : zeros(8);
  const enabledInMovie = 3;
  const times = [...zeros(16), ...u32(track.id), ...zeros(4), ...u64(duration)];
  const tkhd = fullBox('tkhd', 1, enabledInMovie, times, zeros(8), group, UNITY_MATRIX, size);
  const edits = editList(track, tables);
  return boxOf('trak', [tkhd, ...(edits ? [edits] : []), ...mdia(track, tables, stbl)]);
}

/** Hides decode-only samples and delays a track until its first sample: ISO/IEC 14496-12 §8.6.6. */
function editList(track: Mp4Track, tables: SampleTables): Uint8Array | undefined {
  if (tables.firstTime === 0) {
    return undefined;
  }
  // Starts at the first shown sample, where ffmpeg expects an edit to begin. Files of others may show it before it is
  // decoded: an edit cannot begin before its track (§8.6.6.3).
  const from = Math.max(0, tables.firstShown, tables.firstTime);
  const shown = movieTicks(tables.endTime - from, track.timescale);
  const normalRate = u32(0x10000);
  const noMediaTime = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const emptyEdit = from > 0 ? [u64(movieTicks(from, track.timescale)), noMediaTime, normalRate] : [];
  const mediaEdit = [u64(shown), u64(from - tables.firstTime), normalRate];
  return box('edts', fullBox('elst', 1, 0, u32(emptyEdit.length > 0 ? 2 : 1), ...emptyEdit, ...mediaEdit));
}

function mdia(track: Mp4Track, tables: SampleTables, stbl: readonly Uint8Array[]): Uint8Array[] {
  const isVideo = track.kind === 'video';
  const [type, name] = isVideo ? ['vide', 'VideoHandler\0'] : ['soun', 'SoundHandler\0'];
  const languageUndetermined = u16(0x55c4);
  const duration = tables.endTime - tables.firstTime;
  const header = isVideo ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4));
  const dinf = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
  return boxOf('mdia', [
    fullBox('mdhd', 1, 0, zeros(16), u32(track.timescale), u64(duration), languageUndetermined, zeros(2)),
    fullBox('hdlr', 0, 0, zeros(4), text(type), zeros(12), text(name)),
    ...boxOf('minf', [header, dinf, ...stbl]),
  ]);
}
