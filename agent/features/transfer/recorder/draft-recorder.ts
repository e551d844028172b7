import { rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { PathSettings } from '../../../config/schema/path.ts';
import { diskFs, type SegmentFs } from '../../../record/file/segment-fs.ts';
import type { FinishedSegment, SegmentLog } from '../../../record/file/segment-log.ts';
import { Recorder } from '../../../record/recorder.ts';
import { FlushPoint } from '../../../record/write/flush.ts';
import { draftIn, placeNew, removeLeftDrafts } from '../../../recordings/copy/place-file.ts';

/** A group of pictures comes at once. */
const QUEUE_BYTES = 64 << 20;
const FLUSH_MS = 5_000;
/** No boot of this box has captured what is fetched: only its type needs these. */
const BOOT = { bootId: '0'.repeat(32), monoUs: () => 0, isTrusted: true };

interface DraftDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The index of this process. */
  readonly index: SegmentLog;
}

/** Recorders of a process beside Perch: a file gets its name when it is complete, since Perch reads the files that it finds. */
export class DraftRecorders implements AsyncDisposable {
  readonly #deps: DraftDeps;
  readonly #flush: FlushPoint;
  readonly #cleaned = new Set<string>();
  /** Drafts by the name that they get. */
  readonly #drafts = new Map<string, string>();
  readonly #finished = new Map<string, FinishedSegment>();
  #count = 0;
  files = 0;
  bytes = 0;

  constructor(deps: DraftDeps) {
    this.#deps = deps;
    this.#flush = new FlushPoint(deps.clock, FLUSH_MS);
  }

  recorder(path: string, settings: PathSettings): Recorder {
    const { clock, log } = this.#deps;
    return new Recorder(
      {
        ...{ path, recordPath: settings.recordPath, format: settings.recordFormat },
        ...{ partDurationMs: settings.recordPartDurationMs, maxPartBytes: settings.recordMaxPartSizeBytes },
        ...{ segmentDurationMs: settings.recordSegmentDurationMs, queueBytes: QUEUE_BYTES, fetchedFrom: 'recorder' },
      },
      {
        ...{ flush: this.#flush, clock, bootClock: BOOT, logger: log, fs: this.#fs },
        log: {
          opened: () => {},
          finished: (segment) => void this.#finished.set(segment.file, segment),
          removed: (file) => void this.#drafts.delete(file),
        },
      },
    );
  }

  /** Called when a recorder has stopped: its files get their names. */
  async place(): Promise<void> {
    const finished = [...this.#finished];
    this.#finished.clear();
    for (const [file, segment] of finished) {
      const draft = this.#drafts.get(file);
      if (draft !== undefined) {
        await placeNew(draft, file);
        this.#drafts.delete(file);
        this.#deps.index.opened(segment);
        this.#deps.index.finished(segment);
        this.files += 1;
        this.bytes += segment.sizeBytes;
      }
    }
    await this.#removeDrafts();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flush.close();
    await this.#removeDrafts();
  }

  async #removeDrafts(): Promise<void> {
    for (const draft of this.#drafts.values()) {
      await rm(draft, { force: true });
    }
    this.#drafts.clear();
  }

  get #fs(): SegmentFs {
    const draftOf = (file: string) => this.#drafts.get(file) ?? file;
    return {
      ...diskFs,
      create: async (file) => {
        if (this.#drafts.has(file) || (await stat(file).catch(() => undefined))) {
          throw Object.assign(new Error(`EEXIST: ${file}`), { code: 'EEXIST' });
        }
        const folder = dirname(file);
        if (!this.#cleaned.has(folder)) {
          this.#cleaned.add(folder);
          await removeLeftDrafts(folder);
        }
        this.#count += 1;
        const draft = draftIn(folder, this.#count);
        const handle = await diskFs.create(draft);
        this.#drafts.set(file, draft);
        return handle;
      },
      open: (file, mode) => diskFs.open(draftOf(file), mode),
      unlink: (file) => diskFs.unlink(draftOf(file)),
    };
  }
}
