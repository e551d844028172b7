import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { openRegularFile } from '../../../base/files/open-regular-file.ts';
import { sha256Of } from '../../../base/sha256.ts';
import { type SegmentRow, STATE } from '../../../playback/index/segment-row.ts';
import { recordFormatOf } from '../../../record/file/record-path.ts';
import type { ProtectedRanges } from '../../../record/retention/protected-ranges.ts';
import { readSnapshot, snapshotsOf } from '../../../record/snapshots/snapshot-files.ts';
import type { Recordings } from '../../../recordings/recordings.ts';
import {
  type ByteRange,
  MAX_LISTED_CAMERAS,
  MAX_PAGE_ITEMS,
  MAX_PAGE_STILLS,
  MAX_PAGE_TIMES,
  type RecordedFile,
  type RecordingFiles,
} from './paired-recording-routes.ts';

/** Size of one read: a recorder's write waits at most for one of them. */
const CHUNK_BYTES = 1 << 20;
/** Maximum number of concurrent reads by all servers. */
const MAX_READS = 4;
/** While a recorder's write takes longer than this, reads wait. */
const SLOW_MS = 200;
const CHECK_MS = 100;

interface RecordingFilesDeps {
  readonly clock: Pick<Clock, 'monoMs' | 'sleep'>;
  readonly recordings: Pick<Recordings, 'playback' | 'busyMs' | 'titleOf' | 'isOpen'> & {
    readonly space: { readonly protectedRanges: Pick<ProtectedRanges, 'fault' | 'all'> };
  };
  /** Ends the wait for recorders. */
  readonly signal: AbortSignal;
}

/** Recording files of this box for paired servers. Reads wait for recorders. */
export class OwnRecordingFiles implements RecordingFiles {
  readonly #deps: RecordingFilesDeps;
  #reads = 0;

  constructor(deps: RecordingFilesDeps) {
    this.#deps = deps;
  }

  async cameras(may: (path: string) => boolean) {
    const { recordings } = this.#deps;
    const { playback } = recordings;
    const names = (await playback.names()).filter(may).slice(0, MAX_LISTED_CAMERAS);
    const cameras = names.map((path) => {
      const { files, bytes } = playback.space.bytesOf(path);
      const [latest] = playback.space.newestOf(path, 1);
      const { firstUs } = playback.space.spanOf(path, latest?.startUs ?? 0, latest?.startUs ?? 0);
      return {
        path,
        name: recordings.titleOf(path) ?? null,
        files,
        bytes,
        firstUs: firstUs ?? null,
        lastUs: latest?.startUs ?? null,
      };
    });
    return { cameras: cameras.filter(({ files }) => files > 0) };
  }

  async list(path: string, before: { readonly startUs: number; readonly id: number } | undefined) {
    const { playback } = this.#deps.recordings;
    let rows = playback.space.newestOf(path, MAX_PAGE_ITEMS, before);
    const [newest, oldest] = [rows[0], rows.at(-1)];
    if (newest && oldest && rows.some(({ state }) => state === STATE.unread)) {
      await playback.measure({ path, startUs: oldest.startUs, endUs: newest.startUs + 1 }, false);
      rows = playback.space.newestOf(path, MAX_PAGE_ITEMS, before);
    }
    const last = rows.length === MAX_PAGE_ITEMS ? rows.at(-1) : undefined;
    return {
      items: await Promise.all(rows.map((row) => this.#shown(row))),
      next: last ? `${last.startUs}-${last.id}` : null,
    };
  }

  async read(file: Parameters<RecordingFiles['read']>[0], range: ByteRange) {
    const row = this.#find(file);
    if (this.#reads >= MAX_READS) {
      throw new PerchError('exhausted', `${MAX_READS} recordings are being read for other servers`, { retryAfterS: 1 });
    }
    this.#reads += 1;
    try {
      await this.#waitForRecorders();
      return await readPiece(row.file, range);
    } finally {
      this.#reads -= 1;
    }
  }

  async stills(file: Parameters<RecordingFiles['stills']>[0], after: number) {
    const stills = (await snapshotsOf(this.#find(file).file)).slice(after, after + MAX_PAGE_STILLS);
    const items = stills.map(async (still) => {
      const jpeg = await readSnapshot(still);
      return { timeMs: still.timeMs, jpeg: jpeg ? Buffer.from(jpeg).toString('base64') : '' };
    });
    return { items: await Promise.all(items) };
  }

  protectedTimes(path: string, after: number) {
    const { fault, all } = this.#deps.recordings.space.protectedRanges;
    if (fault !== undefined) {
      throw new PerchError('unavailable', fault);
    }
    const ranges = all.filter((range) => range.path === path).slice(after, after + MAX_PAGE_TIMES);
    return {
      items: ranges.map(({ startUs, endUs, note, createdMs = null, by = null }) => ({
        startUs,
        endUs,
        note,
        createdMs,
        by,
      })),
    };
  }

  #find({ path, startUs, nameUs }: Parameters<RecordingFiles['read']>[0]): SegmentRow {
    const { playback } = this.#deps.recordings;
    const row = playback.space
      // Recordings with the same start.
      .newestOf(path, 8, { startUs: startUs + 1, id: 0 })
      .find((one) => one.startUs === startUs && one.nameUs === nameUs);
    if (!row) {
      throw new PerchError('notFound', 'the box does not have this recording any more', { path });
    }
    const away = playback.offlineReason(row.file);
    if (away) {
      throw new PerchError('unavailable', away.message, { why: 'away' });
    }
    return row;
  }

  async #shown(row: SegmentRow): Promise<RecordedFile> {
    const { file, startUs, nameUs, durationUs, sizeBytes, mtimeMs, state } = row;
    const isGrowing = this.#deps.recordings.isOpen(file) || state === STATE.growing || state === STATE.unread;
    return {
      startUs,
      nameUs,
      durationUs,
      bytes: sizeBytes,
      modifiedMs: mtimeMs,
      format: recordFormatOf(file),
      state: state === STATE.broken ? 'broken' : isGrowing ? 'growing' : 'finished',
      stills: (await snapshotsOf(file)).length,
    };
  }

  async #waitForRecorders(): Promise<void> {
    const { clock, recordings, signal } = this.#deps;
    // A server waits longer than this for an answer.
    const untilMs = clock.monoMs() + 8_000;
    while (recordings.busyMs > SLOW_MS) {
      if (clock.monoMs() >= untilMs) {
        throw new PerchError('exhausted', 'the disk of the box is busy with recording', { retryAfterS: 5 });
      }
      await clock.sleep(CHECK_MS, signal);
      signal.throwIfAborted();
    }
  }
}

async function readPiece(file: string, { first, last }: ByteRange) {
  const handle = await openRegularFile(file, 'no links').catch((cause: unknown) => {
    throw new PerchError('badInput', 'the box cannot open this recording', { why: 'unreadable' }, cause);
  });
  try {
    const { size } = await handle.stat();
    if (first >= size) {
      throw new PerchError('badInput', `the recording has ${size} bytes, none at ${first}`);
    }
    const bytes = Buffer.allocUnsafeSlow(Math.min(last + 1, size) - first);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, done, Math.min(CHUNK_BYTES, bytes.length - done), first + done);
      if (bytesRead === 0) {
        throw new PerchError('badInput', 'the recording has become shorter', { why: 'unreadable' });
      }
      done += bytesRead;
    }
    return { bytes, digest: await sha256Of(bytes), sizeBytes: size };
  } catch (cause) {
    throw cause instanceof PerchError
      ? cause
      : new PerchError('badInput', 'the disk of the box cannot read this recording', { why: 'unreadable' }, cause);
  } finally {
    await handle.close();
  }
}
