import { createHash, type Hash } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import { codeOf } from '../../record/file/disk-fault.ts';
import type { FileInit } from '../../record/file/fragment-walk.ts';
import type { Catalog } from '../index/catalog.ts';
import { continues, type SegmentRow } from '../index/segment-row.ts';
import { cutFile, downloadTime, type FileCut, isEmpty } from '../read/cut.ts';
import { fastForward } from '../read/fast-forward.ts';
import type { GetFormat } from '../read/query.ts';
import type { TableCache, Tabled } from '../read/table-cache.ts';
import type { VirtualFile } from '../read/virtual-file.ts';
import { MAX_OVERLAP_US, requireAvailable, rowsBetween } from '../vod/recording-lookup.ts';
import type { DownloadWriter } from './download-writer.ts';
import { FMP4_BYTES_PER_SECOND, Fmp4Writer, MAX_FMP4_BYTES } from './fmp4-writer.ts';
import { Mp4Writer } from './mp4-writer.ts';

/** Changes when the same recordings give other bytes. */
const DOWNLOAD_VERSION = 6;
/** Recordings that are closer to each other than MediaMTX's tolerance for files without marks play on: only their times show the gap. */
const MIN_GAP_US = 1_000_000;
/** Its tables are made in memory. */
const MAX_MP4_SECONDS = 6 * 3600;
/** Of pictures and sound, some 72 samples in a second. */
const MP4_BYTES_PER_SECOND = 1_200;

export interface GetRequest {
  readonly path: string;
  readonly startUs: number;
  /** Of the recording, also when it is played faster. */
  readonly durationUs: number;
  readonly format: GetFormat;
  /** So many times as fast, with key frames alone; undefined: everything as it was. */
  readonly speed?: number | undefined;
  /** Gaps are left out, so that what follows them is in it too; else it ends at the first. */
  readonly skipsGaps?: boolean | undefined;
}

/** Why an answer is shorter than asked, though there is more, and where that begins. */
export interface DownloadEnd {
  /** `limit`: it would take too much memory. */
  readonly reason: 'gap' | 'codec-change' | 'unreadable' | 'limit';
  readonly resumeUs: number;
}

export interface Download {
  readonly file: VirtualFile;
  /** Quoted, as the header wants it. The same for the same bytes. */
  readonly etag: string;
  readonly end: DownloadEnd | undefined;
}

/** What an answer will take in memory, about. */
export function estimatedBytes({ durationUs, format }: GetRequest): number {
  const seconds = durationUs / 1e6;
  return format === 'mp4'
    ? Math.min(seconds, MAX_MP4_SECONDS) * MP4_BYTES_PER_SECOND
    : Math.min(seconds * FMP4_BYTES_PER_SECOND, MAX_FMP4_BYTES);
}

/** Puts an answer together: which files, which samples of them, in which form. Of the files only their tables are read. @param done ends it */
export async function buildDownload(
  catalog: Catalog,
  tables: TableCache,
  request: GetRequest,
  done?: AbortSignal,
): Promise<Download> {
  const { path, startUs, durationUs } = request;
  await catalog.refresh(path, startUs - MAX_OVERLAP_US, startUs + durationUs);
  requireAvailable(catalog, path, startUs, startUs + durationUs);
  const builder = new DownloadBuilder(tables, request);
  for (const row of rowsOf(catalog, request)) {
    done?.throwIfAborted();
    if (!(await builder.add(row))) {
      break;
    }
  }
  const download = builder.finish();
  if (!download) {
    const why = builder.hasNoVideo ? 'speed plays pictures, and there are none in this recording' : undefined;
    throw new PerchError('notFound', why ?? 'no recording segments found', { path });
  }
  return download;
}

/**
 * The files that may hold the window, in order: from the one on that was begun last at the start; from one before, which goes on in
 * it, as well: sound may lie ahead of pictures, and then a file begins when there are still pictures of the one before to come.
 */
function* rowsOf(catalog: Catalog, { path, startUs, durationUs }: GetRequest): Generator<SegmentRow> {
  const early: SegmentRow[] = [];
  for (const row of rowsBetween(catalog, path, startUs, startUs + durationUs)) {
    if (row.startUs <= startUs) {
      early.push(row);
    } else {
      yield* lastStream(early.splice(0));
      yield row;
    }
  }
  yield* lastStream(early);
}

/** The last of the files, and those before it from which it goes on. */
function lastStream(rows: readonly SegmentRow[]): readonly SegmentRow[] {
  let first = Math.max(0, rows.length - 1);
  while (first > 0 && continues(rows[first - 1] as SegmentRow, rows[first] as SegmentRow)) {
    first -= 1;
  }
  return rows.slice(first);
}

class DownloadBuilder {
  readonly #tables: TableCache;
  readonly #request: GetRequest;
  readonly #hash: Hash;
  /** Of the first file of which something is kept. */
  #output: { readonly init: FileInit; readonly download: DownloadWriter } | undefined;
  #before: { readonly row: SegmentRow; readonly shiftSeconds: number } | undefined;
  /** Something was recorded then, but nothing to look at: there is nothing to play fast. */
  hasNoVideo = false;
  /** By track: its last sample, in seconds of the request. */
  readonly #last = new Map<number, { readonly startSeconds: number; readonly endSeconds: number }>();
  /** Of the request, what lay in gaps. */
  #skippedSeconds = 0;
  #end: DownloadEnd | undefined;

  constructor(tables: TableCache, request: GetRequest) {
    this.#tables = tables;
    this.#request = request;
    const { path, startUs, durationUs, format, speed, skipsGaps = false } = request;
    const wanted = [DOWNLOAD_VERSION, path, startUs, durationUs, format, speed ?? 1, skipsGaps];
    this.#hash = createHash('sha256').update(JSON.stringify(wanted));
  }

  /** @returns false when the answer ends here */
  async add(row: SegmentRow): Promise<boolean> {
    if (!this.#output && row.startUs + row.durationUs <= this.#request.startUs) {
      return true;
    }
    const before = this.#before && continues(this.#before.row, row) ? this.#before : undefined;
    const tabled = await this.#tabled(row);
    if (this.#output && !before) {
      // What has another form begins a stream of its own, though no time is missing.
      const hasOtherForm = tabled !== undefined && !hasSameInit(this.#output.init, tabled.head.init);
      if (hasOtherForm || !tabled || !(this.#request.skipsGaps || this.#isNear(row))) {
        return this.#endAt(hasOtherForm && this.#gapUs(row) < MIN_GAP_US ? 'codec-change' : 'gap', row);
      }
    }
    if (!before && this.#request.skipsGaps) {
      this.#skipGap(row);
    }
    if (!tabled) {
      return this.#output ? this.#endAt('unreadable', row) : true;
    }
    if (this.#output && !hasSameInit(this.#output.init, tabled.head.init)) {
      return this.#endAt('codec-change', row);
    }
    if (this.#output?.download.isFull) {
      return this.#endAt('limit', row);
    }
    const nominal = this.#placeOf(row, before !== undefined);
    const shiftSeconds = this.#output ? this.#withoutOverlap(tabled, nominal, before !== undefined) : nominal;
    this.#before = { row, shiftSeconds };
    this.#addCut(cutFile(tabled, shiftSeconds, this.#request.durationUs / 1e6 - this.#skippedSeconds));
    return true;
  }

  finish(): Download | undefined {
    if (!this.#output) {
      return undefined;
    }
    const file = this.#output.download.finish();
    return { file, etag: `"${this.#hash.digest('base64url').slice(0, 27)}"`, end: this.#end };
  }

  /** What comes behind a gap follows at once. */
  #skipGap(row: SegmentRow): void {
    const last = this.#before?.row;
    const endUs = last ? last.startUs + last.durationUs : this.#request.startUs;
    this.#skippedSeconds += Math.max(0, row.startUs - endUs) / 1e6;
  }

  /** From the end of the file before to the start of this one; negative where they overlap. */
  #gapUs(row: SegmentRow): number {
    const last = this.#before?.row;
    return last ? row.startUs - (last.startUs + last.durationUs) : Number.POSITIVE_INFINITY;
  }

  /** Too little is missing, or there twice, to end an answer for it. */
  #isNear(row: SegmentRow): boolean {
    return Math.abs(this.#gapUs(row)) < MIN_GAP_US;
  }

  /** Where a file begins in the answer, in seconds. Behind a gap that is not skipped its label tells, so that the gap keeps its length. */
  #placeOf(row: SegmentRow, isJoined: boolean): number {
    const before = this.#before;
    if (before && isJoined) {
      return before.shiftSeconds + distanceSeconds(before.row, row);
    }
    return before && !this.#request.skipsGaps
      ? before.shiftSeconds + (row.startUs - before.row.startUs) / 1e6
      : (row.startUs - this.#request.startUs) / 1e6 - this.#skippedSeconds;
  }

  #endAt(reason: DownloadEnd['reason'], row: SegmentRow): false {
    this.#end = { reason, resumeUs: row.startUs };
    return false;
  }

  /** Undefined when it is gone or broken since it was listed: what comes before it is still good. */
  async #tabled(row: SegmentRow): Promise<Tabled | undefined> {
    try {
      return await this.#tables.of(row);
    } catch (error) {
      if (!(error instanceof PerchError) && codeOf(error) === '') {
        throw error;
      }
      return undefined;
    }
  }

  /** Files that overlap a little: the later one moves, so that no track runs backwards, or, of another stream, is there twice. */
  #withoutOverlap({ table, head }: Tabled, nominalSeconds: number, isJoined: boolean): number {
    let shiftSeconds = nominalSeconds;
    for (const { trackId, count, runs } of table.tracks) {
      const last = this.#last.get(trackId)?.[isJoined ? 'startSeconds' : 'endSeconds'];
      const track = head.init.tracks.find(({ id }) => id === trackId);
      if (last !== undefined && track && count > 0) {
        shiftSeconds = Math.max(shiftSeconds, last - (runs.baseTimes[0] as number) / track.timescale);
      }
    }
    return shiftSeconds;
  }

  #addCut(whole: FileCut): void {
    for (const track of whole.tracks) {
      if (track.to > track.from) {
        const { id, timescale } = track.track;
        const [startSeconds, endSeconds] = [
          downloadTime(track, track.to - 1) / timescale,
          downloadTime(track, track.to) / timescale,
        ];
        this.#last.set(id, { startSeconds, endSeconds });
      }
    }
    const { speed, format } = this.#request;
    const cut = speed === undefined ? whole : fastForward(whole, speed);
    if (isEmpty(cut)) {
      this.hasNoVideo = !isEmpty(whole) && !whole.tracks.some(({ track }) => track.kind === 'video');
      return;
    }
    for (const track of cut.tracks.filter(({ from, to }) => to > from)) {
      this.#checkLength(downloadTime(track, track.to - 1) / track.track.timescale);
    }
    const { init } = cut.tabled.head;
    const download = this.#output?.download ?? (format === 'mp4' ? new Mp4Writer(init) : new Fmp4Writer(init));
    this.#output ??= { init: whole.tabled.head.init, download };
    download.add(cut);
    this.#hash.update(identityOf(whole));
  }

  #checkLength(seconds: number): void {
    if (this.#request.format === 'mp4' && seconds > MAX_MP4_SECONDS) {
      const { path } = this.#request;
      throw new PerchError(
        'badInput',
        `an download with format=mp4 has at most ${MAX_MP4_SECONDS / 3600} h: ask for a shorter duration, for format=fmp4, or play ${path}/index.m3u8`,
        { path },
      );
    }
  }
}

/** What makes the bytes that a recording gives, its place in time too, which can be corrected later: a file that grows gives the same as long as the same samples are meant. */
function identityOf({ tabled, tracks }: FileCut): string {
  const { file, head, endOffset } = tabled;
  const { fileMark, isFinished, sizeBytes, mtimeMs } = head;
  const content = fileMark ? [fileMark.firstSequence] : isFinished ? [sizeBytes, mtimeMs] : [endOffset];
  return JSON.stringify([file, content, tracks.map(({ from, to, shiftTicks }) => [from, to, shiftTicks])]);
}

/** From the start of one file to the start of the next: by the stream's own times where both have them. */
function distanceSeconds(before: SegmentRow, row: SegmentRow): number {
  const isMarked = before.streamId !== undefined && row.streamId !== undefined;
  return (isMarked ? row.dtsUs - before.dtsUs : row.startUs - before.startUs) / 1e6;
}

/** Samples of both files can stand under one header. */
function hasSameInit(one: FileInit, other: FileInit): boolean {
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
