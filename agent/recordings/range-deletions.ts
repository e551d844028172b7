import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type {
  DeletionForecast,
  DeletionItem,
  DeletionLookup,
  DeletionRequest,
} from '../http/api/recordings/deletions.ts';
import { merged, type UsRange, without } from '../playback/index/hidden-ranges.ts';
import type { SegmentRow } from '../playback/index/segment-row.ts';
import type { Playback } from '../playback/playback.ts';
import { requireRfc3339 } from '../playback/read/rfc3339.ts';
import { inBatches } from '../record/retention/delete-path.ts';
import { type DeletedRange, DeletedRanges } from '../record/retention/deleted-ranges.ts';
import { DELETED_TIMES, DeletedTimes } from '../record/retention/deleted-times.ts';
import type { Deletions } from '../record/retention/deletions.ts';
import type { ProtectedRanges } from '../record/retention/protected-ranges.ts';

/** Minimum time to undo a deletion, by the monotonic clock. A restart begins it again. */
const UNDO_MS = 10 * 60_000;
/** Maximum number of files of a path deleted in one run: the disks are checked between runs. */
const MAX_FILES = 500;

/** @param range of a person's deletion; what was recorded there may be partly kept */
type DeletionListener = (path: string, range: UsRange) => Promise<void>;

interface RangeDeletionsDeps {
  readonly file: string;
  readonly clock: Pick<Clock, 'wallMs' | 'monoMs'>;
  readonly log: Logger;
  readonly playback: Playback;
  readonly deletions: Deletions;
  readonly protectedRanges: ProtectedRanges;
  /** Folders kept even when empty. */
  readonly tops: () => readonly string[];
  /** Monotonic age of files started by this process; undefined for others. */
  readonly ageMs: (file: string) => number | undefined;
}

/** Deletes the recordings of a range on request: hides them at once, and deletes their files when Undo is over. */
export class RangeDeletions implements DeletionLookup {
  /** What a person has deleted, also once its files are gone. */
  readonly times: DeletedTimes;
  readonly #deps: RangeDeletionsDeps;
  readonly #ranges: DeletedRanges;
  /** By id: monotonic time of the request, or of the start of this process. */
  readonly #sinceMs = new Map<string, number>();
  readonly #startedMs: number;
  readonly #listeners = new Set<DeletionListener>();
  readonly #restoreListeners = new Set<DeletionListener>();

  constructor(deps: RangeDeletionsDeps) {
    const { file, playback, clock, log } = deps;
    this.#deps = deps;
    this.times = new DeletedTimes(join(dirname(file), DELETED_TIMES), log);
    this.#startedMs = clock.monoMs();
    this.#ranges = new DeletedRanges(file, (all) =>
      playback.hide(all.flatMap(({ path, parts }) => parts.map((part) => ({ path, ...part })))),
    );
  }

  load(): Promise<void> {
    return this.#ranges.load();
  }

  /** Reports all that a person deletes, also files and paths. @returns removes the listener */
  onDeleted(listener: DeletionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reports each range whose deletion is undone. @returns removes the listener */
  onRestored(listener: DeletionListener): () => void {
    this.#restoreListeners.add(listener);
    return () => this.#restoreListeners.delete(listener);
  }

  /** A person has deleted a file or a path, or is about to. */
  async tell(path: string, range: UsRange): Promise<void> {
    await this.times.add(path, range);
    await Promise.all([...this.#listeners].map((listener) => listener(path, range)));
  }

  list(): readonly DeletionItem[] {
    return this.#ranges.all.map((range) => this.#shown(range)).reverse();
  }

  async forecast(request: DeletionRequest): Promise<DeletionForecast> {
    return (await this.#plan(request)).forecast;
  }

  async delete(request: DeletionRequest, by: string | undefined): Promise<DeletionItem & DeletionForecast> {
    const { clock, log } = this.#deps;
    const { range, forecast } = await this.#plan(request);
    const { path } = range;
    if (range.parts.length === 0 || forecast.recordedSeconds === 0) {
      const why = forecast.kept.length > 0 ? 'all recordings there are protected' : 'nothing is recorded there';
      throw new PerchError('notFound', why, { path });
    }
    const requestedUs = Math.round(clock.wallMs() * 1000);
    const added = await this.#ranges.add({ ...range, requestedUs, ...(by !== undefined && { by }) });
    this.#sinceMs.set(added.id, clock.monoMs());
    await this.tell(path, range);
    const { start, end } = this.#shown(added);
    log.info({ path, start, end, by, recordedSeconds: forecast.recordedSeconds }, 'deletion of recordings scheduled');
    return { ...this.#shown(added), ...forecast };
  }

  async restore(id: string): Promise<void> {
    const range = this.#ranges.all.find((one) => one.id === id);
    await this.#ranges.restore(id);
    this.#sinceMs.delete(id);
    if (range) {
      await this.times.remove(range.path, range);
      await Promise.all([...this.#restoreListeners].map((listener) => listener(range.path, range)));
    }
    this.#deps.log.info({ id }, 'deletion of recordings undone');
  }

  /** Deletes files of ranges whose Undo is over. @param isIndexWhole all files are known */
  async run(isIndexWhole: boolean, signal: AbortSignal): Promise<void> {
    if (this.#ranges.fault !== undefined) {
      await this.#ranges.load();
    }
    const due = this.#ranges.all.filter((range) => !range.isFinal && this.#leftMs(range) <= 0);
    if (due.length > 0) {
      await this.#ranges.finalize(new Set(due.map(({ id }) => id)));
    }
    const final = this.#ranges.all.filter(({ isFinal }) => isFinal);
    if (!isIndexWhole || final.length === 0) {
      return;
    }
    for (const [path, ranges] of Map.groupBy(final, (range) => range.path)) {
      await this.#deleteFiles(path, ranges, signal);
    }
    const { hasOffline, copies } = this.#deps.playback;
    const isGone = (range: DeletedRange) => !copies.store?.mayAppear(range.path) && !this.#hasFiles(range);
    const done = hasOffline || copies.isAway ? [] : final.filter(isGone);
    if (done.length > 0 && !signal.aborted) {
      await this.#ranges.forget(new Set(done.map(({ id }) => id)));
      for (const { id } of done) {
        this.#sinceMs.delete(id);
      }
    }
  }

  async #deleteFiles(path: string, ranges: readonly DeletedRange[], signal: AbortSignal): Promise<void> {
    const { deletions, ageMs, clock, tops } = this.#deps;
    const folders = new Set<string>();
    let count = 0;
    const newestMs = Math.max(...ranges.map(({ id }) => this.#sinceMs.get(id) ?? this.#startedMs));
    for (const row of this.#filesWithin(path, merged(ranges.flatMap(({ parts }) => parts)))) {
      if (signal.aborted || count === MAX_FILES) {
        break;
      }
      const age = ageMs(row.file);
      // Recorded after the request: the clock was set back.
      if (age !== undefined && clock.monoMs() - age > newestMs) {
        continue;
      }
      const { file, startUs, nameUs, durationUs } = row;
      const doomed = { file, path, startsUs: [startUs, nameUs], durationUs, isDated: true };
      if ((await deletions.delete(doomed, 'hand')).kind === 'deleted') {
        count += 1;
        folders.add(dirname(file));
        await deletions.pause(signal);
      }
    }
    for (const folder of folders) {
      const top = tops().find((one) => folder.startsWith(`${one}/`));
      if (top !== undefined) {
        await deletions.removeEmptyFolders(top, [folder]);
      }
    }
    deletions.endSweep();
    await this.#deleteCopies(path, merged(ranges.flatMap(({ parts }) => parts)), signal);
  }

  /** What cannot be deleted now is hidden, and tried again. */
  async #deleteCopies(path: string, ranges: readonly UsRange[], signal: AbortSignal): Promise<void> {
    const { playback, protectedRanges, log } = this.#deps;
    if (protectedRanges.fault !== undefined) {
      return;
    }
    try {
      for (const range of ranges) {
        const isKept = ({ startUs, durationUs }: SegmentRow): boolean =>
          startUs + durationUs > range.endUs || protectedRanges.isProtected(path, startUs, startUs + durationUs);
        await playback.copies.deleteFrom(path, range, { isKept, signal, maxFiles: MAX_FILES });
      }
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      log.warn({ path, cause: explain(error) }, 'cannot delete copies of recordings yet');
    }
  }

  /** Finished files that lie wholly within ranges. */
  *#filesWithin(path: string, ranges: readonly UsRange[]): Generator<SegmentRow> {
    const { space } = this.#deps.playback;
    for (const { startUs, endUs } of ranges) {
      for (const row of inBatches<SegmentRow>((limit, after) =>
        space.finishedFrom(path, startUs, endUs, limit, after),
      )) {
        if (row.durationUs > 0 && row.startUs + row.durationUs <= endUs) {
          yield row;
        }
      }
    }
  }

  /** Files of any state that reach into a range. */
  #hasFiles({ path, parts }: DeletedRange): boolean {
    const { space } = this.#deps.playback;
    return parts.some(({ startUs, endUs }) => space.hasFiles(path, startUs, endUs));
  }

  async #plan({ path, start, end }: DeletionRequest) {
    const { clock, playback, protectedRanges } = this.#deps;
    const startUs = requireRfc3339('start', start).us;
    const endUs = requireRfc3339('end', end).us;
    if (protectedRanges.fault !== undefined) {
      throw new PerchError('unavailable', protectedRanges.fault);
    }
    if (endUs <= startUs) {
      throw new PerchError('badInput', 'end must be later than start');
    }
    // Later recordings stay.
    const lastUs = Math.min(endUs, Math.round(clock.wallMs() * 1000));
    const kept = protectedRanges.all.filter((one) => one.path === path && one.startUs < endUs && one.endUs > startUs);
    const parts = lastUs > startUs ? without({ startUs, endUs: lastUs }, merged(kept)) : [];
    let [bytes, recordedUs] = [0, 0];
    for (const part of parts) {
      const measured = await playback.measure({ path, ...part });
      bytes += measured.bytes;
      recordedUs += measured.recordedUs;
    }
    const others = this.#ranges.all.filter((one) => one.path === path).flatMap((one) => one.parts);
    const isProtected = (row: SegmentRow) =>
      protectedRanges.isProtected(path, row.startUs, row.startUs + row.durationUs);
    let freedBytes = 0;
    for (const row of this.#filesWithin(path, merged([...parts, ...others]))) {
      const isNew = parts.some((part) => row.startUs < part.endUs && row.startUs + row.durationUs > part.startUs);
      freedBytes += isNew && !isProtected(row) ? row.sizeBytes : 0;
    }
    return {
      range: { path, startUs, endUs: Math.max(lastUs, startUs + 1), parts: [...parts] },
      forecast: {
        recordedSeconds: recordedUs / 1e6,
        bytes,
        freedBytes,
        kept: kept.map((one) => ({
          id: one.id,
          start: playback.localTime(one.startUs),
          end: playback.localTime(one.endUs),
          note: one.note,
        })),
      },
    };
  }

  #leftMs({ id }: DeletedRange): number {
    return (this.#sinceMs.get(id) ?? this.#startedMs) + UNDO_MS - this.#deps.clock.monoMs();
  }

  #shown(range: DeletedRange): DeletionItem {
    const { id, path, startUs, endUs, requestedUs, by, isFinal } = range;
    const { playback, clock } = this.#deps;
    return {
      id,
      path,
      start: playback.localTime(startUs),
      end: playback.localTime(endUs),
      requested: playback.localTime(requestedUs),
      by: by ?? null,
      undoUntil: isFinal ? null : new Date(clock.wallMs() + Math.max(0, this.#leftMs(range))).toISOString(),
    };
  }
}
