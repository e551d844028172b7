import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Type from 'typebox';
import { explain, PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import { resolvePath } from '../../../config/load/load.ts';
import { freeSpaceBytes } from '../../../config/values/free-space.ts';
import { openClip } from '../../../paths/always-available/clip.ts';
import type { Playback } from '../../../playback/playback.ts';
import type { StoredSpan } from '../../../playback/stores/contract.ts';
import { bridged, missingHere } from '../../../playback/stores/joined-spans.ts';
import { codeOf } from '../../../record/file/disk-fault.ts';
import { formatRecordPath } from '../../../record/file/record-path.ts';
import { RECORDING_MODE } from '../../../record/file/segment-fs.ts';
import type { ProtectedRange } from '../../../record/retention/protected-ranges.ts';
import { FLUSH_BYTES, writeAll } from '../../../recordings/copy/copy-file.ts';
import { draftIn, placeNew, removeLeftDrafts } from '../../../recordings/copy/place-file.ts';
import { rewriteMp4 } from '../../../recordings/copy/rewrite-mp4.ts';
import type { Host } from '../../contract.ts';
import type { RemoteRecordings } from './remote-recordings.ts';

const MAX_COPIES = 5_000;
/** A failed copy is tried again after this time. */
const RETRY_MS = 30_000;
/** A copy begins with a key frame, at most this long before the wanted time. */
const MAX_LEAD_US = 60_000_000;

const Stored = Type.Object({ ids: Type.Array(Type.String({ maxLength: 64 }), { maxItems: MAX_COPIES }) });

interface ClipCopiesDeps extends Pick<Host, 'dataDir' | 'clock' | 'log' | 'config'> {
  readonly box: Pick<RemoteRecordings, 'spans' | 'download' | 'keyFrameUs'>;
  readonly playback: Pick<Playback, 'spans'>;
  /** Saved clips, or undefined if the list cannot be read now. */
  ranges(): readonly ProtectedRange[] | undefined;
  /** Why nothing may be written to this file now. */
  refusal(file: string): string | undefined;
}

interface CopyState {
  /** From 0 to 1. */
  readonly share: number;
  /** Why the copy is interrupted; null: it runs, or waits for another copy. */
  readonly error: string | null;
}

const BEGUN: CopyState = { share: 0, error: null };

/** Copies the missing parts of saved clips from their boxes, one after the other. The copies become recordings of the path. */
export class ClipCopies {
  readonly #deps: ClipCopiesDeps;
  readonly #document: StoredDocument<typeof Stored>;
  /** By id of the clip. */
  readonly #states = new Map<string, CopyState>();
  readonly #closed = new AbortController();
  /** The copy that runs. */
  #running: { readonly id: string; readonly stop: AbortController } | undefined;
  #wake = new AbortController();
  #work: Promise<void> | undefined;
  #isLoaded = false;

  constructor(deps: ClipCopiesDeps) {
    this.#deps = deps;
    this.#document = new StoredDocument(join(deps.dataDir, 'box-clips.json'), Stored, deps.log);
  }

  /** Goes on with what an earlier run of the program has left; later calls have no effect. */
  async load(): Promise<void> {
    if (this.#isLoaded) {
      return;
    }
    this.#isLoaded = true;
    for (const id of (await this.#document.open('copies of saved clips are not resumed'))?.ids ?? []) {
      this.#states.set(id, BEGUN);
    }
    this.#begin();
  }

  /** @throws PerchError exhausted at the limit */
  add(id: string): void {
    if (this.#states.size >= MAX_COPIES) {
      throw new PerchError('exhausted', `${MAX_COPIES} clips wait for their boxes`, { retryAfterS: 60 });
    }
    this.#states.set(id, BEGUN);
    this.#save();
    this.#begin();
  }

  /** The clip is removed. */
  remove(id: string): void {
    if (this.#states.delete(id)) {
      this.#save();
    }
    if (this.#running?.id === id) {
      this.#running.stop.abort();
    }
  }

  /** State of a clip's copy, or undefined if the clip is complete, or was not on another box. */
  stateOf(id: string): CopyState | undefined {
    return this.#states.get(id);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#wake.abort();
    this.#running?.stop.abort();
    await this.#work;
    await this.#document.close();
  }

  #begin(): void {
    this.#wake.abort();
    this.#work ??= this.#run()
      .catch((error: unknown) => this.#deps.log.error({ err: error }, 'copies of saved clips failed'))
      .finally(() => {
        this.#work = undefined;
      });
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps;
    while (this.#states.size > 0 && !this.#closed.signal.aborted) {
      this.#wake = new AbortController();
      for (const id of [...this.#states.keys()]) {
        const stop = new AbortController();
        this.#running = { id, stop };
        try {
          await this.#copy(id, stop.signal);
          this.remove(id);
        } catch (error) {
          const known = this.#states.get(id);
          if (!(error instanceof PerchError || stop.signal.aborted)) {
            throw error;
          }
          if (known && !stop.signal.aborted) {
            const text = explain(error);
            if (text !== known.error) {
              log.warn({ clip: id, cause: text }, 'a saved clip is not copied from its box yet');
            }
            this.#states.set(id, { ...known, error: text });
          }
        } finally {
          this.#running = undefined;
        }
        if (this.#closed.signal.aborted) {
          return;
        }
      }
      if (this.#states.size > 0) {
        await clock.sleep(RETRY_MS, this.#wake.signal);
      }
    }
  }

  async #copy(id: string, signal: AbortSignal): Promise<void> {
    const { box, playback, ranges } = this.#deps;
    const all = ranges();
    if (!all) {
      throw new PerchError('unavailable', 'the list of saved clips cannot be read');
    }
    const range = all.find((one) => one.id === id);
    if (!range) {
      return;
    }
    const { path } = range;
    const [start, end] = [range.startUs, range.endUs].map((us) => ({ us, offsetMs: 0 }));
    const there = await box.spans(path, start, end).catch(unlessNothing);
    const tried = new Set<number>();
    let wholeUs = 0;
    for (;;) {
      signal.throwIfAborted();
      const missing = missingHere(bridged(await playback.spans(path, start, end)), there);
      const leftUs = missing.reduce((sum, { durationUs }) => sum + durationUs, 0);
      wholeUs ||= leftUs;
      const next = missing.find(({ startUs }) => !tried.has(startUs));
      if (!next) {
        return;
      }
      tried.add(next.startUs);
      // Longer recordings become several files.
      const piece = { startUs: next.startUs, durationUs: Math.min(next.durationUs, 3_600_000_000) };
      const onShare = (share: number) => {
        if (this.#states.has(id)) {
          this.#states.set(id, { share: 1 - (leftUs - share * piece.durationUs) / wholeUs, error: null });
        }
      };
      await this.#copyPiece(path, piece, onShare, signal);
    }
  }

  async #copyPiece(
    path: string,
    piece: StoredSpan,
    onShare: (share: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { box, refusal } = this.#deps;
    const keyUs = (await box.keyFrameUs(path, piece.startUs, signal)) ?? piece.startUs;
    const isNear = keyUs <= piece.startUs && keyUs > piece.startUs - MAX_LEAD_US;
    const startUs = isNear ? keyUs : piece.startUs;
    const file = this.#fileOf(path, startUs);
    const refused = refusal(file);
    if (refused !== undefined) {
      throw new PerchError('unavailable', refused, { path });
    }
    const folder = dirname(file);
    const [fetched, draft] = [draftIn(folder, 1), draftIn(folder, 2)];
    try {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      await removeLeftDrafts(folder);
      await this.#fetch(
        path,
        { startUs, durationUs: piece.startUs + piece.durationUs - startUs },
        fetched,
        onShare,
        signal,
      );
      await rewrite(fetched, draft, startUs / 1000, signal);
      await placeNew(draft, file);
    } catch (error) {
      throw inWords(error);
    } finally {
      await Promise.all([fetched, draft].map((one) => rm(one, { force: true })));
    }
  }

  async #fetch(
    path: string,
    { startUs, durationUs }: StoredSpan,
    file: string,
    onShare: (share: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { sizeBytes, chunks } = await this.#deps.box.download(path, startUs, durationUs, signal);
    const { bavail, blocks, bsize } = await statfs(dirname(file));
    // Room for the received bytes, and for the recording that is made of them.
    if (bavail * bsize < 2 * sizeBytes + freeSpaceBytes(this.#deps.config().recordMinFree, blocks * bsize)) {
      await chunks[Symbol.asyncIterator]().return?.();
      throw new PerchError('exhausted', 'no room for the clip: recordMinFree keeps the rest of the disk free', {
        path,
      });
    }
    const out = await open(file, 'wx', RECORDING_MODE);
    try {
      let [done, flushed] = [0, 0];
      for await (const chunk of chunks) {
        await writeAll(out, chunk, done);
        done += chunk.length;
        if (done - flushed >= FLUSH_BYTES) {
          flushed = done;
          await out.datasync();
        }
        onShare(Math.min(1, done / sizeBytes));
        if (done > sizeBytes) {
          break;
        }
      }
      if (done !== sizeBytes) {
        throw new PerchError('unavailable', `${done} of ${sizeBytes} bytes of a clip have come`, { path });
      }
    } finally {
      await out.close();
    }
  }

  #fileOf(path: string, startUs: number): string {
    const settings = resolvePath(this.#deps.config(), path)?.settings;
    if (!settings) {
      throw new PerchError('notFound', `path '${path}' is not configured any more`, { path });
    }
    return formatRecordPath(settings.recordPath, path, startUs / 1000);
  }

  #save(): void {
    const ids = () => ({ ids: [...this.#states.keys()] });
    void this.#document.trySave(ids, 'the list of clips to copy is not saved');
  }
}

async function rewrite(file: string, draft: string, startMs: number, signal: AbortSignal): Promise<void> {
  const clip = await openClip(file, 'no links');
  try {
    await rewriteMp4(clip, draft, { startMs, wait: async () => signal.throwIfAborted() });
  } finally {
    await clip.handle.close();
  }
}

/** A box answers notFound for a range without recordings. */
function unlessNothing(error: unknown): readonly StoredSpan[] {
  if (error instanceof PerchError && error.code === 'notFound') {
    return [];
  }
  throw error;
}

/** An error of the file system in its own words. */
const inWords = (error: unknown): unknown =>
  error instanceof PerchError || codeOf(error) === ''
    ? error
    : new PerchError('unavailable', `the clip cannot be written: ${explain(error)}`, {}, error);
