import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { PerchError } from '../base/errors.ts';
import { codeOf } from '../record/disk-fault.ts';
import { type FileInit, FragmentWalk, type PlacedFragment, readInit } from '../record/fragment-walk.ts';
import type { Catalog } from './catalog.ts';
import { Fmp4Answer } from './fmp4-answer.ts';
import { endOf } from './kept-table.ts';
import { Mp4Answer } from './mp4-answer.ts';
import type { GetFormat } from './query.ts';
import { leadOf, notePoint, offsetFor, type SeekTable } from './seek-table.ts';
import { goesOn, type SegmentRow, STATE } from './segment-index.ts';
import type { VirtualFile } from './virtual-file.ts';
import { type FragmentSink, type KeptFragment, WindowCut } from './window.ts';

/** Changes when the same recordings give other bytes. */
const ANSWER_VERSION = 1;
const ROWS_AT_ONCE = 64;

export interface GetRequest {
  readonly path: string;
  readonly recordPath: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly format: GetFormat;
}

export interface Answer {
  readonly file: VirtualFile;
  /** Quoted, as the header wants it. The same for the same bytes. */
  readonly etag: string;
}

/** Puts an answer together: which files, which samples of them, in which form. Nothing but headers is read. */
export async function buildAnswer(catalog: Catalog, seeks: SeekTable, request: GetRequest): Promise<Answer> {
  const { path, startUs, durationUs } = request;
  await catalog.refresh(path, request.recordPath, startUs, startUs + durationUs);
  const builder = new AnswerBuilder(seeks, request);
  for (const row of rowsOf(catalog, request)) {
    if (!(await builder.add(row))) {
      break;
    }
  }
  const answer = builder.finish();
  if (!answer) {
    throw new PerchError('notFound', 'no recording segments found', { path });
  }
  return answer;
}

/** The files that may hold the window, in order; a few at a time, because a day has many. */
function* rowsOf(catalog: Catalog, { path, startUs, durationUs }: GetRequest): Generator<SegmentRow> {
  let fromUs = catalog.index.lastStartUpTo(path, startUs);
  for (;;) {
    const rows = catalog.index.list(path, fromUs, startUs + durationUs, ROWS_AT_ONCE);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < ROWS_AT_ONCE) {
      return;
    }
    fromUs = last.startUs + 1;
  }
}

class AnswerBuilder {
  readonly #seeks: SeekTable;
  readonly #request: GetRequest;
  readonly #hash = createHash('sha256');
  #init: FileInit | undefined;
  #answer: Fmp4Answer | Mp4Answer | undefined;
  #before: { readonly row: SegmentRow; readonly shiftSeconds: number } | undefined;
  /** By track: where its last sample begins, in seconds of the request. */
  readonly #lastSeconds = new Map<number, number>();

  constructor(seeks: SeekTable, request: GetRequest) {
    this.#seeks = seeks;
    this.#request = request;
    this.#hash.update(
      JSON.stringify([ANSWER_VERSION, request.path, request.startUs, request.durationUs, request.format]),
    );
  }

  /** @returns false when the answer ends here: at a gap, or because the window is full */
  async add(row: SegmentRow): Promise<boolean> {
    const before = this.#before;
    // A recording that has ended before the start is no part of the answer; one behind a gap ends it.
    if (!before && row.startUs + row.durationUs <= this.#request.startUs) {
      return true;
    }
    if (before && !goesOn(before.row, row)) {
      return false;
    }
    const shiftSeconds = before
      ? before.shiftSeconds + distanceSeconds(before.row, row)
      : (row.startUs - this.#request.startUs) / 1e6;
    try {
      return await this.#read(row, shiftSeconds);
    } catch (error) {
      // Gone or broken since it was listed: what comes before it is still good.
      if (error instanceof PerchError ? error.message.includes('samples in one MP4') : codeOf(error) === '') {
        throw error;
      }
      return this.#answer === undefined || this.#answer.isEmpty;
    }
  }

  finish(): Answer | undefined {
    if (!this.#answer || this.#answer.isEmpty) {
      return undefined;
    }
    return { file: this.#answer.finish(), etag: `"${this.#hash.digest('base64url').slice(0, 27)}"` };
  }

  async #read(row: SegmentRow, nominalShift: number): Promise<boolean> {
    const handle = await open(row.file, 'r');
    try {
      const { size, mtimeMs } = await handle.stat();
      const init = await readInit(handle, size);
      if (this.#init && !isSameForm(this.#init, init)) {
        return false;
      }
      const identity = row.state === STATE.finished ? `${row.file}\0${size}\0${mtimeMs}` : row.file;
      const points = await this.#seeks.pointsOf(identity, handle, init, size);
      const walk = new FragmentWalk(handle, init, size, offsetFor(points, -nominalShift));
      const lead = leadOf(init);
      let cut: WindowCut | undefined;
      let isFull = false;
      for (let placed = await walk.next(); placed; placed = await walk.next()) {
        notePoint(points, placed.fragment, placed.offset, lead);
        cut ??= this.#begin(row, init, placed, nominalShift);
        if (!cut.add(placed)) {
          isFull = true;
          break;
        }
      }
      cut?.finish();
      // Of a file that grows, what was whole is what the answer has.
      this.#hash.update(
        JSON.stringify([row.file, ...(row.state === STATE.finished ? [size, mtimeMs] : [walk.offset])]),
      );
      return !isFull;
    } finally {
      await handle.close();
    }
  }

  #begin(row: SegmentRow, init: FileInit, first: PlacedFragment, nominalShift: number): WindowCut {
    this.#init ??= init;
    this.#answer ??= this.#request.format === 'mp4' ? new Mp4Answer(init) : new Fmp4Answer(init);
    const answer = this.#answer;
    const timescales = new Map(init.tracks.map((track) => [track.id, track.timescale]));
    // Files that overlap a little: the later one moves, so that no track runs backwards.
    let shiftSeconds = nominalShift;
    for (const run of this.#before ? first.fragment.runs : []) {
      const last = this.#lastSeconds.get(run.trackId);
      const timescale = timescales.get(run.trackId);
      if (last !== undefined && timescale) {
        shiftSeconds = Math.max(shiftSeconds, last - run.baseTime / timescale);
      }
    }
    this.#before = { row, shiftSeconds };
    const timing = { file: row.file, timescales, shiftSeconds };
    answer.startFile(timing);
    const sink: FragmentSink = {
      add: (kept) => {
        this.#noteLast(kept, timescales);
        answer.add(kept);
      },
    };
    return new WindowCut(timing, { endSeconds: this.#request.durationUs / 1e6 }, sink);
  }

  #noteLast(kept: KeptFragment, timescales: ReadonlyMap<number, number>): void {
    for (const run of kept.runs) {
      this.#lastSeconds.set(run.run.trackId, endOf(run).last / (timescales.get(run.run.trackId) ?? 1));
    }
  }
}

/** From the start of one file to the start of the next: by the stream's own times where both have them. */
function distanceSeconds(before: SegmentRow, row: SegmentRow): number {
  const isMarked = before.streamId !== undefined && row.streamId !== undefined;
  return (isMarked ? row.dtsUs - before.dtsUs : row.startUs - before.startUs) / 1e6;
}

/** Samples of both files can stand under one header. */
function isSameForm(one: FileInit, other: FileInit): boolean {
  return (
    one.tracks.length === other.tracks.length &&
    one.tracks.every((track, i) => {
      const twin = other.tracks[i];
      return (
        twin !== undefined &&
        track.id === twin.id &&
        track.timescale === twin.timescale &&
        Buffer.compare(track.sampleEntry, twin.sampleEntry) === 0
      );
    })
  );
}
