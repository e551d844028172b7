import { createHash, type Hash } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import { timeOf } from '../../media/mp4/table/sample-search.ts';
import { unlessFileFault } from '../../record/file/disk-fault.ts';
import type { FileInit } from '../../record/file/fragment-walk.ts';
import { isCopyFault } from '../../record/store/recording-copies.ts';
import type { Catalog } from '../index/catalog.ts';
import { cutFile, downloadTime, type FileCut, type FileWindow, firstVisible, isEmpty, WHOLE } from '../read/cut.ts';
import { FastForward, videoOf } from '../read/fast-forward.ts';
import type { GetQuery } from '../read/query.ts';
import type { OtherParts, StoredPart } from '../read/stored-part.ts';
import type { TableCache, Tabled } from '../read/table-cache.ts';
import type { VirtualFile } from '../read/virtual-file.ts';
import { MAX_OVERLAP_US, requireAvailable } from '../vod/recording-lookup.ts';
import { DownloadSignatures } from './download-signatures.ts';
import { FMP4_BYTES_PER_SECOND, Fmp4Writer, MAX_FMP4_BYTES } from './fmp4-writer.ts';
import { Mp4Writer } from './mp4-writer.ts';
import {
  endingAt,
  isJoined,
  MIN_GAP_US,
  rowsOf,
  type VisiblePart,
  visibleParts,
  withoutRepeats,
} from './visible-parts.ts';

/** Changes when the same recordings produce other bytes. */
const DOWNLOAD_VERSION = 9;
/** The tables are built in memory. */
const MAX_MP4_SECONDS = 6 * 3600;
/** Video and audio, about 72 samples per second. */
const MP4_BYTES_PER_SECOND = 1_200;
/** For downloads with `speed`: up to 30 key frames per second, each a slice and perhaps a fragment. */
const FAST_BYTES_PER_SECOND = 9_000;

/** Parts of another box continue each other. */
const REMOTE_ROW = {
  file: '',
  dtsUs: 0,
  wallUs: undefined,
  monoUs: undefined,
  streamId: undefined,
  segmentNumber: 0,
  signature: 'box',
  isOwn: false,
};

export interface DownloadQuery extends GetQuery {
  /** Gaps keep their length: the picture before one stays. */
  readonly keepsGaps?: boolean | undefined;
  /** Parts that lie in other stores. */
  readonly others?: OtherParts | undefined;
}

interface DownloadEnd {
  /** `limit`: the memory budget is used up. */
  readonly reason: 'gap' | 'codec-change' | 'unreadable' | 'limit';
  readonly resumeUs: number;
}

export interface Download {
  readonly file: VirtualFile;
  /** Quoted. The same for the same bytes. */
  readonly etag: string;
  readonly end: DownloadEnd | undefined;
}

export function estimatedBytes({ durationUs, format, speed }: DownloadQuery): number {
  const seconds = durationUs / 1e6 / (speed ?? 1);
  if (speed !== undefined) {
    return Math.min(seconds * FAST_BYTES_PER_SECOND, MAX_FMP4_BYTES);
  }
  return format === 'mp4'
    ? Math.min(seconds, MAX_MP4_SECONDS) * MP4_BYTES_PER_SECOND
    : Math.min(seconds * FMP4_BYTES_PER_SECOND, MAX_FMP4_BYTES);
}

/**
 * Selects files and samples and writes them in the requested format. Reads only the files' tables. @param done aborts
 * the build
 */
export async function buildDownload(
  catalog: Catalog,
  tables: TableCache,
  request: DownloadQuery,
  done?: AbortSignal,
): Promise<Download> {
  const { path, startUs, durationUs } = request;
  await catalog.refresh(path, startUs - MAX_OVERLAP_US, startUs + durationUs);
  requireAvailable(catalog, path, startUs, startUs + durationUs);
  const builder = new DownloadBuilder(tables, request);
  const others = (await request.others?.(done ?? new AbortController().signal)) ?? [];
  const own = withoutRepeats(visibleParts(catalog.index.hidden.of(path), rowsOf(catalog, request)));
  for (const part of others.length > 0 ? joinedParts([...own], others) : own) {
    done?.throwIfAborted();
    if (!(await builder.add(part))) {
      break;
    }
  }
  const download = builder.finish();
  if (!download) {
    const why = builder.hasNoVideo ? 'speed needs video, and this recording has none' : undefined;
    throw new PerchError('notFound', why ?? 'no recording segments found', { path });
  }
  return download;
}

/** A part that begins within another one ends it: it begins with a key frame there. */
function joinedParts(own: readonly VisiblePart[], others: readonly StoredPart[]): readonly VisiblePart[] {
  const remote = others.map(({ startUs, endUs, zeroUs, readTable }) => {
    const row = { ...REMOTE_ROW, startUs: zeroUs, durationUs: endUs - zeroUs };
    return { row, startUs, endUs, window: WHOLE, readTable };
  });
  const sorted = [...own, ...remote].sort((one, other) => one.startUs - other.startUs);
  return sorted.map((part, i) => {
    const next = sorted.slice(i + 1).find(({ readTable }) => readTable);
    return next && part.endUs > next.startUs ? endingAt(part, next.startUs) : part;
  });
}

class DownloadBuilder {
  readonly #tables: TableCache;
  readonly #request: DownloadQuery;
  readonly #hash: Hash;
  readonly #fast: FastForward | undefined;
  readonly #signatures = new DownloadSignatures();
  /** Set with the first file that contributes samples. */
  #output: { readonly init: FileInit; readonly download: Mp4Writer | Fmp4Writer } | undefined;
  #before: { readonly part: VisiblePart; readonly shiftSeconds: number } | undefined;
  /** The window has recordings, but no video to play fast. */
  hasNoVideo = false;
  /** By track: its last sample, in seconds of the request. */
  readonly #last = new Map<number, { readonly startSeconds: number; readonly endSeconds: number }>();
  #skippedSeconds = 0;
  #end: DownloadEnd | undefined;

  constructor(tables: TableCache, request: DownloadQuery) {
    this.#tables = tables;
    this.#request = request;
    this.#fast = request.speed === undefined ? undefined : new FastForward(request.speed);
    const { path, startUs, durationUs, format, speed, skipsGaps = false, keepsGaps = false } = request;
    const wanted = [DOWNLOAD_VERSION, path, startUs, durationUs, format, speed ?? 1, skipsGaps, keepsGaps];
    this.#hash = createHash('sha256').update(JSON.stringify(wanted));
  }

  /** @returns false: the download ends here */
  async add(part: VisiblePart): Promise<boolean> {
    const { row, window } = part;
    if (!this.#output && part.endUs <= this.#request.startUs) {
      return true;
    }
    const before = this.#before && isJoined(this.#before.part, part) ? this.#before : undefined;
    // undefined if the file is gone or damaged since it was listed.
    const tabled = await (part.readTable?.() ?? this.#tables.of(row)).catch((error: unknown) => {
      if ((isCopyFault(error) || part.readTable) && !this.#output) {
        throw error;
      }
      return unlessFileFault(error);
    });
    if (this.#output && !before) {
      // Another init segment starts a new stream, even without a gap.
      const hasOtherForm = tabled !== undefined && !this.#hasSameForm(tabled);
      if (hasOtherForm || !tabled || !(this.#request.skipsGaps || this.#request.keepsGaps || this.#isNear(part))) {
        return this.#endAt(hasOtherForm && this.#gapUs(part) < MIN_GAP_US ? 'codec-change' : 'gap', part);
      }
    }
    if (!before && this.#request.skipsGaps) {
      this.#skipGap(part);
    }
    if (!tabled) {
      return this.#output ? this.#endAt('unreadable', part) : true;
    }
    if (!this.#hasSameForm(tabled)) {
      return this.#endAt('codec-change', part);
    }
    if (this.#output?.download.isFull) {
      return this.#endAt('limit', part);
    }
    const nominal = this.#placeOf(part, before !== undefined);
    const shiftSeconds = this.#output ? this.#withoutOverlap(tabled, nominal, window, before !== undefined) : nominal;
    this.#before = { part, shiftSeconds };
    const cut = cutFile(tabled, shiftSeconds, this.#request.durationUs / 1e6 - this.#skippedSeconds, window);
    this.#addCut(cut);
    if (!this.#fast && !isEmpty(cut)) {
      await this.#signatures.add(cut);
    }
    return true;
  }

  finish(): Download | undefined {
    if (!this.#output) {
      return undefined;
    }
    const signatures = this.#signatures.write();
    this.#hash.update(signatures ?? '');
    const file = this.#output.download.finish(signatures);
    return { file, etag: `"${this.#hash.digest('base64url').slice(0, 27)}"`, end: this.#end };
  }

  /** Whether it has the same tracks as the recordings before it. */
  #hasSameForm({ head }: Tabled): boolean {
    const init = this.#output?.init;
    return init === undefined || hasSameInit(init, this.#fast ? videoOf(head.init) : head.init);
  }

  #skipGap({ startUs }: VisiblePart): void {
    const endUs = this.#before?.part.endUs ?? this.#request.startUs;
    this.#skippedSeconds += Math.max(0, startUs - endUs) / 1e6;
  }

  /** Time from the previous file's end to this one's start; negative for an overlap. */
  #gapUs({ startUs }: VisiblePart): number {
    return startUs - (this.#before?.part.endUs ?? Number.NEGATIVE_INFINITY);
  }

  /** The gap or overlap is too small to end the download. */
  #isNear(part: VisiblePart): boolean {
    return Math.abs(this.#gapUs(part)) < MIN_GAP_US;
  }

  /** Seconds in the download. After a gap that is not skipped the start label counts: the gap keeps its length. */
  #placeOf({ row }: VisiblePart, isContinued: boolean): number {
    const before = this.#before;
    if (before && isContinued) {
      return before.shiftSeconds + distanceSeconds(before.part.row, row);
    }
    return before && !this.#request.skipsGaps
      ? before.shiftSeconds + (row.startUs - before.part.row.startUs) / 1e6
      : (row.startUs - this.#request.startUs) / 1e6 - this.#skippedSeconds;
  }

  #endAt(reason: DownloadEnd['reason'], { startUs }: VisiblePart): false {
    this.#end = { reason, resumeUs: startUs };
    return false;
  }

  /** Moves a file that overlaps slightly, so that no track runs backwards or, in another stream, repeats. */
  #withoutOverlap({ table, head }: Tabled, nominalSeconds: number, window: FileWindow, isContinued: boolean): number {
    let shiftSeconds = nominalSeconds;
    for (const samples of table.tracks) {
      const { trackId, count } = samples;
      const last = this.#last.get(trackId)?.[isContinued ? 'startSeconds' : 'endSeconds'];
      const track = head.init.tracks.find(({ id }) => id === trackId);
      const first = track ? firstVisible(samples, window.from * track.timescale) : count;
      if (last !== undefined && track && first < count) {
        shiftSeconds = Math.max(shiftSeconds, last - timeOf(samples, first) / track.timescale);
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
    const { format } = this.#request;
    const cut = this.#fast?.thin(whole) ?? whole;
    if (isEmpty(cut)) {
      this.hasNoVideo = !isEmpty(whole) && !whole.tracks.some(({ track }) => track.kind === 'video');
      return;
    }
    for (const track of cut.tracks.filter(({ from, to }) => to > from)) {
      this.#checkLength(downloadTime(track, track.to - 1) / track.track.timescale);
    }
    const { init } = cut.tabled.head;
    const download = this.#output?.download ?? (format === 'mp4' ? new Mp4Writer(init) : new Fmp4Writer(init));
    this.#output ??= { init, download };
    download.add(cut);
    this.#hash.update(identityOf(whole));
  }

  #checkLength(seconds: number): void {
    if (this.#request.format === 'mp4' && seconds > MAX_MP4_SECONDS) {
      const { path } = this.#request;
      throw new PerchError(
        'badInput',
        `a download with format=mp4 has at most ${MAX_MP4_SECONDS / 3600} h: ask for a shorter duration, for format=fmp4, or play ${path}/index.m3u8`,
        { path },
      );
    }
  }
}

/** Identifies the selected bytes. A growing file keeps its identity while the same samples are selected. */
function identityOf({ tabled, tracks }: FileCut): string {
  const { file, head, endOffset, moves } = tabled;
  const { fileMark, isFinished, sizeBytes, mtimeMs } = head;
  const content = fileMark ? [fileMark.firstSequence] : isFinished ? [sizeBytes, mtimeMs] : [endOffset];
  return JSON.stringify([
    moves?.firstName(file) ?? file,
    content,
    tracks.map(({ from, to, shiftTicks }) => [from, to, shiftTicks]),
  ]);
}

/** Time between the starts of two files, by stream time if both have it. */
function distanceSeconds(before: VisiblePart['row'], row: VisiblePart['row']): number {
  const isMarked = before.streamId !== undefined && row.streamId !== undefined;
  return (isMarked ? row.dtsUs - before.dtsUs : row.startUs - before.startUs) / 1e6;
}

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
