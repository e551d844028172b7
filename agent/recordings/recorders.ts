import type { Context } from '../config/load/context.ts';
import type { PathSettings } from '../config/schema/path.ts';
import type { SegmentHooks } from '../paths/path-hooks.ts';
import type { PathRecorder } from '../paths/path-status.ts';
import type { ClipOptions } from '../record/clips/clips.ts';
import type { FetchedFrom } from '../record/file/file-mark.ts';
import type { FinishedSegment, SegmentLog } from '../record/file/segment-log.ts';
import { Recorder, type RecorderOptions } from '../record/recorder.ts';
import type { FlushPoint } from '../record/write/flush.ts';
import type { RetentionAndSpace } from './retention-and-space.ts';

interface RecordingLosses {
  readonly path: string;
  /** Dropped because the disk was too slow. */
  readonly parts: number;
  /** Dropped as late, or for a jumped timestamp. */
  readonly samples: { readonly late: number; readonly jumped: number };
  readonly refusedFiles: number;
}

/** A group of pictures comes at once. */
const FETCH_QUEUE_BYTES = 64 << 20;

/** Called synchronously; must not throw. */
type SegmentListener = (segment: FinishedSegment) => void;

interface RecordersDeps extends Pick<Context, 'clock' | 'log'> {
  readonly flush: FlushPoint;
  readonly bootClock: ConstructorParameters<typeof Recorder>[1]['bootClock'];
  readonly space: RetentionAndSpace;
  readonly events: ClipOptions['events'];
}

interface RecordedPath {
  readonly path: string;
  readonly recordPath: string;
  readonly partMs: number;
}

/** Who fetches recordings: there is one of each at a time. */
type Fetching = 'backfill' | 'import';

/** The recorders of all recorded paths. */
export class Recorders {
  readonly #deps: RecordersDeps;
  readonly #recorders = new Map<Recorder, RecordedPath>();
  /** Of the paths that are recorded. */
  readonly #hooks = new Map<string, readonly SegmentHooks[]>();
  /** Of what is fetched from cameras, with their `recordPath`. */
  readonly #fetchers = new Map<Recorder, string>();
  readonly #claims = new Map<string, Fetching>();
  readonly #finished = new Set<SegmentListener>();

  constructor(deps: RecordersDeps) {
    this.#deps = deps;
  }

  /** Reports each file that is complete, on disk and indexed. @returns removes the listener */
  onFinished(listener: SegmentListener): () => void {
    this.#finished.add(listener);
    return () => this.#finished.delete(listener);
  }

  recorder(name: string, settings: PathSettings, hooks: readonly SegmentHooks[] = []): PathRecorder | undefined {
    if (settings.record === 'no') {
      return undefined;
    }
    this.#hooks.set(name, hooks);
    const recorder = this.#open(name, settings, { clips: this.#clipsOf(settings) }, this.#deps.space.segmentLog, hooks);
    this.#recorders.set(recorder, {
      path: name,
      recordPath: settings.recordPath,
      partMs: settings.recordPartDurationMs,
    });
    return {
      start: (stream) => {
        this.#deps.space.recorded(name);
        recorder.start(stream);
      },
      stop: () => {
        this.#recorders.delete(recorder);
        if (this.#hooks.get(name) === hooks) {
          this.#hooks.delete(name);
        }
        return recorder.stop();
      },
      get status() {
        return statusOf(recorder);
      },
    };
  }

  /** Whether one may fetch recordings of a path, until `release`: two at once would record the same times twice. */
  claim(path: string, by: Fetching): boolean {
    const claimant = this.#claims.get(path) ?? by;
    this.#claims.set(path, claimant);
    return claimant === by;
  }

  release(path: string, by: Fetching): void {
    if (this.#claims.get(path) === by) {
      this.#claims.delete(path);
    }
  }

  claimantOf(path: string): Fetching | undefined {
    return this.#claims.get(path);
  }

  /**
   * A recorder for what was captured earlier and is fetched now, of a path that is recorded meanwhile, until `fetched`. The commands of
   * the path run for the files of a gap, as for any others.
   */
  fetcher(name: string, settings: PathSettings, fetchedFrom: FetchedFrom): Recorder {
    const hooks = fetchedFrom === 'card' ? (this.#hooks.get(name) ?? []) : [];
    const fetched = { queueBytes: FETCH_QUEUE_BYTES, fetchedFrom };
    const recorder = this.#open(name, settings, fetched, this.#deps.space.fetchedLog, hooks);
    this.#fetchers.set(recorder, settings.recordPath);
    return recorder;
  }

  /** A recorder of `fetcher` has stopped. */
  fetched(recorder: Recorder): void {
    this.#fetchers.delete(recorder);
  }

  #open(
    path: string,
    settings: PathSettings,
    more: Pick<RecorderOptions, 'clips' | 'queueBytes' | 'fetchedFrom'>,
    segmentLog: SegmentLog,
    hooks: readonly SegmentHooks[],
  ): Recorder {
    const { flush, clock, bootClock, space, log } = this.#deps;
    return new Recorder(
      {
        path,
        recordPath: settings.recordPath,
        format: settings.recordFormat,
        partDurationMs: settings.recordPartDurationMs,
        maxPartBytes: settings.recordMaxPartSizeBytes,
        segmentDurationMs: settings.recordSegmentDurationMs,
        ...more,
      },
      {
        log: following(segmentLog, this.#finished, hooks),
        ...{ flush, clock, bootClock, disks: space, fs: space.fs, logger: log.child({ path }) },
      },
    );
  }

  #clipsOf({ record, recordPreRollMs, recordPostRollMs }: PathSettings): ClipOptions | undefined {
    return record === 'motion'
      ? { events: this.#deps.events, preRollMs: recordPreRollMs, postRollMs: recordPostRollMs }
      : undefined;
  }

  /** Interrupts all recordings below a folder. */
  stopBelow(folder: string, error: string): void {
    const live = [...this.#recorders].map(([recorder, { recordPath }]) => [recorder, recordPath] as const);
    for (const [recorder, recordPath] of [...live, ...this.#fetchers]) {
      if (recordPath.startsWith(folder === '/' ? folder : `${folder}/`)) {
        recorder.interrupt(error);
      }
    }
  }

  /** The files that are being written. */
  files(): { readonly path: string; readonly file: string; readonly partMs: number }[] {
    return [...this.#recorders].flatMap(([{ state }, { path, partMs }]) =>
      state.kind === 'recording' ? [{ path, file: state.file, partMs }] : [],
    );
  }

  losses(): readonly RecordingLosses[] {
    return [...this.#recorders].map(([{ dropped, refusedFiles }, { path }]) => ({
      path,
      parts: dropped['slow disk'],
      samples: { late: dropped['late sample'], jumped: dropped['jumped timestamp'] },
      refusedFiles,
    }));
  }

  /** Finishes all open files, without the rest of `close`. */
  async finishFiles(): Promise<void> {
    await Promise.all([...this.#recorders.keys(), ...this.#fetchers.keys()].map((recorder) => recorder.stop()));
  }
}

/** Forwards segments to a log, and new ones also to listeners and hooks, but not those recovered from an earlier run. */
const following = (
  log: SegmentLog,
  listeners: Iterable<SegmentListener>,
  hooks: readonly SegmentHooks[],
): SegmentLog => ({
  opened: (segment) => {
    log.opened(segment);
    for (const hook of hooks) {
      hook.segmentCreated(segment.file);
    }
  },
  finished: (segment) => {
    log.finished(segment);
    for (const hook of hooks) {
      hook.segmentCompleted(segment.file, segment.durationMs);
    }
    for (const listener of listeners) {
      listener(segment);
    }
  },
  removed: (file) => log.removed(file),
});

function statusOf({ state }: Recorder): PathRecorder['status'] {
  const isFailed = state.kind === 'failed';
  return {
    active: state.kind === 'recording',
    error: isFailed ? state.error : null,
    why: isFailed ? state.why : null,
    since: isFailed ? new Date(state.sinceMs).toISOString() : null,
  };
}
