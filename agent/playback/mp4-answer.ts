import { box, type Fields, fullBox, text, u16, u32, u64, zeros } from '../media/mp4/boxes.ts';
import type { Mp4Track } from '../media/mp4/read-track.ts';
import type { FileInit } from '../record/fragment-walk.ts';
import { bytesOf } from './kept-table.ts';
import { SampleTables } from './sample-tables.ts';
import { VirtualFile } from './virtual-file.ts';
import type { FileTiming, FragmentSink, KeptFragment } from './window.ts';

/** Of the whole movie: fine enough for every video track. */
const MOVIE_TIMESCALE = 90_000;
const UNITY_MATRIX: Fields = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].flatMap(u32);

interface AnswerTrack {
  readonly track: Mp4Track;
  readonly tables: SampleTables;
}

/** The answer of `format=mp4`: a plain MP4 with its tables in front, whose data come from the recordings. Plays and seeks everywhere. */
export class Mp4Answer implements FragmentSink {
  readonly #tracks: ReadonlyMap<number, AnswerTrack>;
  readonly #body = new VirtualFile();
  readonly #leadId: number;
  /** Presentation time of the picture that is shown at time 0, in ticks: 0 or before. */
  #shownAtZero = Number.NEGATIVE_INFINITY;

  constructor(init: FileInit) {
    this.#leadId = init.tracks.find((track) => track.kind === 'video')?.id ?? 0;
    this.#tracks = new Map(init.tracks.map((track) => [track.id, { track, tables: new SampleTables() }]));
  }

  get isEmpty(): boolean {
    return this.#body.sizeBytes === 0;
  }

  startFile(_timing: FileTiming): void {}

  add(kept: KeptFragment): void {
    for (const keptRun of kept.runs) {
      const { run, from, to } = keptRun;
      const tables = this.#tracks.get(run.trackId)?.tables;
      if (!tables) {
        continue;
      }
      const { offset, sizeBytes } = bytesOf(keptRun);
      tables.addChunk(this.#body.sizeBytes, to - from);
      this.#body.addRange(kept.file, kept.offset + offset, sizeBytes);
      let time = keptRun.time;
      for (let i = from; i < to; i += 1) {
        const duration = run.durations[i] as number;
        const composition = run.compositionOffsets?.[i] ?? 0;
        tables.addSample(time, duration, run.sizes[i] as number, composition, run.isSync(i));
        if (run.trackId === this.#leadId && time + composition <= 0) {
          this.#shownAtZero = Math.max(this.#shownAtZero, time + composition);
        }
        time += duration;
      }
    }
  }

  finish(): VirtualFile {
    const tracks = [...this.#tracks.values()].filter(({ tables }) => tables.count > 0);
    for (const { track, tables } of tracks) {
      tables.close();
      tables.startLater(Math.round(this.#leadSeconds() * track.timescale));
    }
    const dataBytes = this.#body.sizeBytes;
    const ftyp = box('ftyp', text('isom'), u32(0x200), text('isomiso2mp41'));
    const measured = writeMoov(tracks, 0, true);
    const isLarge = ftyp.length + measured.length + dataBytes + 16 > 0xffff_ffff;
    const mdat = isLarge
      ? [...u32(1), ...text('mdat'), ...u64(dataBytes + 16)]
      : [...u32(dataBytes + 8), ...text('mdat')];
    const moovBytes = isLarge ? measured.length : writeMoov(tracks, 0, false).length;
    const moov = writeMoov(tracks, ftyp.length + moovBytes + mdat.length, isLarge);
    this.#body.prepend(Uint8Array.from(mdat));
    this.#body.prepend(moov);
    this.#body.prepend(ftyp);
    return this.#body;
  }

  /**
   * How much earlier than asked the answer begins: with the whole picture that is shown then. In the middle of it an edit would be
   * exact by the standard, but ffmpeg and Chromium then show the pictures too early by the rest of it, beside the sound.
   */
  #leadSeconds(): number {
    const timescale = this.#tracks.get(this.#leadId)?.track.timescale ?? 1;
    return Number.isFinite(this.#shownAtZero) ? -this.#shownAtZero / timescale : 0;
  }
}

function writeMoov(tracks: readonly AnswerTrack[], dataStart: number, isLarge: boolean): Uint8Array {
  const durations = tracks.map(({ track, tables }) => movieTicks(Math.max(0, tables.endTime), track.timescale));
  const duration = Math.max(0, ...durations);
  const nextTrackId = Math.max(0, ...tracks.map(({ track }) => track.id)) + 1;
  return box(
    'moov',
    mvhd(duration, nextTrackId),
    ...tracks.map((track, i) => trak(track, durations[i] ?? 0, dataStart, isLarge)),
  );
}

const movieTicks = (ticks: number, timescale: number): number => Math.round((ticks * MOVIE_TIMESCALE) / timescale);

function mvhd(duration: number, nextTrackId: number): Uint8Array {
  const times = [...zeros(16), ...u32(MOVIE_TIMESCALE), ...u64(duration)];
  return fullBox('mvhd', 1, 0, times, u32(0x10000), u16(0x100), zeros(10), UNITY_MATRIX, zeros(24), u32(nextTrackId));
}

function trak({ track, tables }: AnswerTrack, duration: number, dataStart: number, isLarge: boolean): Uint8Array {
  const isVideo = track.kind === 'video';
  const group = [...u16(0), ...u16(isVideo ? 0 : 1), ...u16(isVideo ? 0 : 0x100), ...u16(0)];
  const size = isVideo ? [...u16(track.width), 0, 0, ...u16(track.height), 0, 0] : zeros(8);
  const enabledInMovie = 3;
  const times = [...zeros(16), ...u32(track.id), ...zeros(4), ...u64(duration)];
  const tkhd = fullBox('tkhd', 1, enabledInMovie, times, zeros(8), group, UNITY_MATRIX, size);
  const edits = editList(track, tables);
  return box('trak', tkhd, ...(edits ? [edits] : []), mdia(track, tables, dataStart, isLarge));
}

/** Hides what is only there to be decoded, and keeps a track silent or dark until its first sample (§8.6.6). */
function editList(track: Mp4Track, tables: SampleTables): Uint8Array | undefined {
  if (tables.firstTime === 0) {
    return undefined;
  }
  const shown = movieTicks(tables.endTime - Math.max(0, tables.firstTime), track.timescale);
  const normalRate = u32(0x10000);
  const nothing = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const wait = tables.firstTime > 0 ? [u64(movieTicks(tables.firstTime, track.timescale)), nothing, normalRate] : [];
  const play = [u64(shown), u64(Math.max(0, -tables.firstTime)), normalRate];
  return box('edts', fullBox('elst', 1, 0, u32(wait.length > 0 ? 2 : 1), ...wait, ...play));
}

function mdia(track: Mp4Track, tables: SampleTables, dataStart: number, isLarge: boolean): Uint8Array {
  const isVideo = track.kind === 'video';
  const [type, name] = isVideo ? ['vide', 'VideoHandler\0'] : ['soun', 'SoundHandler\0'];
  const languageUndetermined = u16(0x55c4);
  const duration = tables.endTime - tables.firstTime;
  const header = isVideo ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4));
  const dinf = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
  return box(
    'mdia',
    fullBox('mdhd', 1, 0, zeros(16), u32(track.timescale), u64(duration), languageUndetermined, zeros(2)),
    fullBox('hdlr', 0, 0, zeros(4), text(type), zeros(12), text(name)),
    box('minf', header, dinf, tables.write(track.sampleEntry, dataStart, isLarge)),
  );
}
