import { box, text, u32, u64 } from '../../media/mp4/box/boxes.ts';
import { playerInit } from '../../media/mp4/read/player-init.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import type { FileInit } from '../../record/file/fragment-walk.ts';
import { trackIdsOf } from '../../record/file/recording-file.ts';
import type { FileCut } from '../read/cut.ts';
import { recordedFile } from '../read/slice.ts';
import { VirtualFile } from '../read/virtual-file.ts';
import { packed, sizeOf } from './box-parts.ts';
import { type MovieTrack, writeMovie } from './movie-header.ts';
import { SampleTables } from './sample-tables.ts';
import { selectedFragments } from './selected-fragments.ts';
import type { SelectedRun } from './selected-table.ts';

/** Writes `format=mp4`: a plain MP4 with its tables first and data from the recordings. Plays and seeks everywhere. */
export class Mp4Writer {
  readonly #tracks: ReadonlyMap<number, MovieTrack>;
  readonly #body = new VirtualFile();
  readonly #leadId: number;
  /** Presentation time of the frame shown at time 0, in ticks, at most 0. */
  #shownAtZero = Number.NEGATIVE_INFINITY;

  /** Bounded by duration and sample count. */
  readonly isFull = false;

  constructor(init: FileInit) {
    const tracks = parseInit(playerInit(init.bytes, trackIdsOf(init)))?.tracks ?? [];
    this.#leadId = tracks.find((track) => track.kind === 'video')?.id ?? 0;
    this.#tracks = new Map(tracks.map((track) => [track.id, { track, tables: new SampleTables() }]));
  }

  add(cut: FileCut): void {
    const recording = recordedFile(cut.tabled);
    for (const { track, from, to } of cut.tracks) {
      this.#tracks.get(track.id)?.tables.expect(to - from);
    }
    for (const { runs } of selectedFragments(cut)) {
      for (const run of runs) {
        const { trackId } = run.samples;
        this.#tracks.get(trackId)?.tables.addRun(run, this.#body.sizeBytes);
        this.#body.addRange(recording, run.dataOffset, run.sizeBytes);
        if (trackId === this.#leadId) {
          this.#notePicture(run);
        }
      }
    }
  }

  /** @param last box of the file */
  finish(last?: Uint8Array): VirtualFile {
    const tracks = [...this.#tracks.values()].filter(({ tables }) => tables.count > 0);
    let maxBytes = this.#body.sizeBytes + 4096;
    for (const { track, tables } of tracks) {
      tables.startLater(Math.round(this.#leadSeconds() * track.timescale));
      maxBytes += tables.maxBytes;
    }
    const isLarge = maxBytes > 0xffff_ffff;
    const ftyp = box('ftyp', text('isom'), u32(0x200), text('isomiso2mp41'));
    const dataBytes = this.#body.sizeBytes;
    const mdat = isLarge
      ? [...u32(1), ...text('mdat'), ...u64(dataBytes + 16)]
      : [...u32(dataBytes + 8), ...text('mdat')];
    if (last) {
      this.#body.addBytes(last);
    }
    const movie = writeMovie(tracks, isLarge);
    const head = [ftyp, ...movie.pieces, Uint8Array.from(mdat)];
    movie.placeData(sizeOf(head));
    this.#body.prepend(packed(head));
    return this.#body;
  }

  #notePicture({ samples, timescale, from, to, time: start }: SelectedRun): void {
    if (start > 0 && !samples.compositionOffsets) {
      return;
    }
    let time = start;
    for (let i = from; i < to; i += 1) {
      const shown = time + (samples.compositionOffsets?.[i] ?? 0);
      if (shown <= 0 && shown >= -timescale) {
        this.#shownAtZero = Math.max(this.#shownAtZero, shown);
      }
      time += samples.durations[i] as number;
    }
  }

  /**
   * How much earlier than requested the download starts: with the whole frame shown then. The standard allows an edit
   * within the frame, but ffmpeg and Chromium then show video too early against audio by the rest of that frame.
   */
  #leadSeconds(): number {
    const timescale = this.#tracks.get(this.#leadId)?.track.timescale ?? 1;
    return Number.isFinite(this.#shownAtZero) ? -this.#shownAtZero / timescale : 0;
  }
}
