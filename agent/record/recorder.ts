import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { containerStream, leftOutLabels } from '../stream/container-stream.ts';
import type { Reader, Stream } from '../stream/stream.ts';
import type { BootClock } from './boot-clock.ts';
import { type ClipOptions, Clips } from './clips/clips.ts';
import { codeOf, diskFault, type RecordingTrouble, troubleOfDisk } from './file/disk-fault.ts';
import { formatRecordPath, type RecordFormat } from './file/record-path.ts';
import { diskFs, type SegmentFs } from './file/segment-fs.ts';
import type { Segment, SegmentLog } from './file/segment-log.ts';
import type { StreamMark } from './file/stream-mark.ts';
import { zoneOffsetMs } from './file/time-zone.ts';
import { TsSegmentWriter } from './mpegts/ts-segment-writer.ts';
import { recoverFile } from './recovery/recovery.ts';
import { Segmenter, type SegmenterLimits, type SegmenterOwner } from './segmenter.ts';
import { type FlushPoint, HANGING_MS } from './write/flush.ts';
import type { RecordingWriter } from './write/recording-writer.ts';
import { type FileOrigin, SegmentWriter } from './write/segment-writer.ts';
import type { TrackBuffer } from './write/track-buffer.ts';

const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = 10_000;
/** What may wait for the disk: some ten seconds of a good camera. */
const QUEUE_BYTES = 16 << 20;
const WRITERS = { fmp4: SegmentWriter, mpegts: TsSegmentWriter };
const CONTAINER_NAMES: Record<RecordFormat, string> = { fmp4: 'MP4', mpegts: 'MPEG-TS' };
/** What a file begins with may have been kept for so long; and a camera's own clock, where it is used, is so far ahead at most. */
const MAX_AGO_MS = 10 * 60_000;
const MAX_AHEAD_MS = 15_000;
/** A file name clash is solved in steps of a microsecond, in a template without microseconds in steps of a second. */
const CLASH_STEPS_MS = [0.001, 1000] as const;

const BROKEN = 'the recorder has ended by a fault of its own: it begins again when the camera connects again';

export interface RecorderOptions extends SegmenterLimits {
  readonly path: string;
  readonly recordPath: string;
  /** `fmp4` when not given. */
  readonly format?: RecordFormat;
  /** IANA name for the times in file names; undefined: the machine's own. */
  readonly zone?: string;
  readonly queueBytes?: number;
  /** Only around events; undefined: always. */
  readonly clips?: ClipOptions | undefined;
}

/** Knows how the disks are doing that recordings go to. */
export interface DiskGuard {
  /** Why nothing may be recorded to a file; undefined: it may. */
  refusal(file: string): string | undefined;
  /** The disk has refused a file, with a code of the system. */
  failed(file: string, code: string): void;
}

export interface RecorderDeps {
  readonly flush: FlushPoint;
  readonly log: SegmentLog;
  readonly clock: Clock;
  readonly bootClock: BootClock;
  readonly logger: Logger;
  /** Undefined: every disk is tried. */
  readonly disks?: DiskGuard;
  /** Undefined: the machine's own disks. */
  readonly fs?: SegmentFs;
}

export type RecorderState =
  | { readonly kind: 'idle' }
  /** A stream is there; its first key frame or first part is not, or no event wants it. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'recording'; readonly file: string }
  /** The disk cannot be written, and is tried again and again; or there is nothing that could be. `sinceMs` is Unix time. */
  | { readonly kind: 'failed'; readonly error: string; readonly why: RecordingTrouble; readonly sinceMs: number };

/** Records one path: a stream at a time, for as long as it lasts. A disk that fails never reaches the stream. */
export class Recorder {
  /** How often samples were left out since the recorder was made. */
  readonly dropped = { 'slow disk': 0, 'late sample': 0, 'jumped timestamp': 0 };
  /** Files that the disk has refused, at their beginning or in the middle. */
  refusedFiles = 0;
  readonly #options: RecorderOptions;
  readonly #deps: RecorderDeps;
  #state: RecorderState = { kind: 'idle' };
  readonly #clips: Clips | undefined;
  #current: { readonly stream: Stream; readonly segmenter: Segmenter; readonly reader: Reader } | undefined;
  /** Files that have all their samples and are being finished. */
  readonly #finishing = new Map<Promise<void>, RecordingWriter | undefined>();
  /** Files that a failing disk left unfinished, to be finished when it can be written again. */
  #leftOver: Segment[] = [];
  #failures = 0;
  #retryAtMs = 0;
  #isDropping = false;
  /** Codecs of which it has been said that they cannot be recorded. */
  readonly #toldCodecs = new Set<string>();

  constructor(options: RecorderOptions, deps: RecorderDeps) {
    this.#options = options;
    this.#deps = deps;
    const { clips, path } = options;
    const { clock, logger } = deps;
    this.#clips = clips && new Clips(path, clips, { clock, logger, onClosed: () => this.#rest() });
  }

  get state(): RecorderState {
    this.#askAtRest();
    return this.#state;
  }

  get #format(): RecordFormat {
    return this.#options.format ?? 'fmp4';
  }

  /** Bytes of the stream that are kept in memory from before the next event. */
  get keptBytes(): number {
    return this.#clips?.keptBytes ?? 0;
  }

  /** Records `stream` until it ends; begins with the group of pictures that the stream has kept. */
  start(stream: Stream): void {
    this.#leave();
    const source = containerStream(stream, this.#format);
    const leftOut = leftOutLabels(stream, this.#format);
    if (source.tracks.length === 0) {
      this.#refuse(`nothing in this stream can be recorded: it has ${leftOut.join(', ') || 'no tracks'}`);
      return;
    }
    this.#tellLeftOut(leftOut);
    this.#state = this.#state.kind === 'failed' ? this.#state : { kind: 'waiting' };
    const segmenter: Segmenter = new Segmenter(
      source.tracks,
      this.#options,
      this.#owner(() => segmenter),
    );
    const reader = this.#clips?.reader(source.tracks, segmenter, stream) ?? segmenter;
    this.#current = { stream: source, segmenter, reader };
    source.addReader(reader, true);
    this.#clips?.joined();
  }

  /** Resolves when everything that was recorded is whole and on the disk, or the disk has refused it, or does nothing any more. */
  async stop(): Promise<void> {
    this.#clips?.stop();
    this.#leave();
    const end = new AbortController();
    while (this.#finishing.size > 0 && !end.signal.aborted) {
      const steps = this.#steps;
      const all = Promise.all(this.#finishing.keys()).then(() => true);
      const isDone = await Promise.race([all, this.#deps.clock.sleep(HANGING_MS, end.signal)]);
      if (!isDone && this.#steps === steps) {
        const files = [...this.#finishing.values()].map((writer) => writer?.name);
        this.#deps.logger.error({ files }, 'the disk hangs: recordings stay unfinished until the next start');
        end.abort();
      }
    }
    end.abort();
  }

  /** What the disk has done for the files that are being finished. */
  get #steps(): number {
    return [...this.#finishing.values()].reduce((sum, writer) => sum + (writer?.steps ?? 0), 0);
  }

  /** Between events nothing is written that would show that the disk is gone, or back: who watches it is asked. */
  #askAtRest(): void {
    const isResting = this.#current !== undefined && this.#clips?.isResting === true;
    if (
      isResting &&
      this.#mayRecord() &&
      this.#state.kind === 'failed' &&
      this.#deps.clock.monoMs() >= this.#retryAtMs
    ) {
      this.#state = { kind: 'waiting' };
    }
  }

  /** A clip is over. */
  #rest(): void {
    if (this.#state.kind === 'recording') {
      this.#state = { kind: 'waiting' };
    }
  }

  /** The disk takes no more: what is there is finished, and what comes next waits until it takes something again. */
  interrupt(error: string): void {
    if (this.#current) {
      this.#current.segmenter.pause();
      this.#state = { kind: 'failed', error, why: 'disk', sinceMs: this.#deps.clock.wallMs() };
    }
  }

  #refuse(error: string): void {
    const isNew = this.#state.kind !== 'failed' || this.#state.error !== error;
    if (isNew) {
      this.#state = { kind: 'failed', error, why: 'nothingToRecord', sinceMs: this.#deps.clock.wallMs() };
      this.#deps.logger.error(error);
    }
  }

  /** Said once, however often the camera comes back. */
  #tellLeftOut(codecs: readonly string[]): void {
    for (const codec of codecs) {
      if (!this.#toldCodecs.has(codec)) {
        this.#toldCodecs.add(codec);
        const container = CONTAINER_NAMES[this.#format];
        this.#deps.logger.warn({ codec }, `recordings go without a track that ${container} cannot hold`);
      }
    }
  }

  #leave(): void {
    const current = this.#current;
    if (current) {
      current.stream.removeReader(current.reader);
      current.reader.onEnd();
    }
  }

  #owner(segmenter: () => Segmenter): SegmenterOwner {
    return {
      mayOpen: () => this.#deps.clock.monoMs() >= this.#retryAtMs && this.#mayRecord(),
      open: (mark, buffers) => this.#open(segmenter(), mark, buffers),
      finish: (writer) => this.#finish(writer),
      dropped: (reason) => this.#onDropped(reason),
      ended: (cause) => {
        if (cause !== undefined) {
          this.#deps.logger.error({ err: cause }, 'recorder ended by a fault of its own');
          this.#state = { kind: 'failed', error: BROKEN, why: 'fault', sinceMs: this.#deps.clock.wallMs() };
        }
        this.#current = undefined;
        this.#clips?.leave();
        this.#state = this.#state.kind === 'failed' ? this.#state : { kind: 'idle' };
      },
    };
  }

  /** Who watches the disk has told of it: it is no news of each recorder. */
  #mayRecord(): boolean {
    const { disks, clock } = this.#deps;
    const error = disks?.refusal(this.#options.recordPath);
    if (error !== undefined && (this.#state.kind !== 'failed' || this.#state.error !== error)) {
      this.#state = { kind: 'failed', error, why: 'disk', sinceMs: clock.wallMs() };
    }
    return error === undefined;
  }

  #open(segmenter: Segmenter, mark: StreamMark, buffers: readonly TrackBuffer[]): RecordingWriter {
    const stepMs = CLASH_STEPS_MS[this.#options.recordPath.includes('%f') ? 0 : 1];
    const { recordPath, path, zone } = this.#options;
    const nameOf = (clash: number) =>
      formatRecordPath(recordPath, path, writer.mark.wallUs / 1000 + clash * stepMs, zone, this.#format);
    const writer: RecordingWriter = new WRITERS[this.#format](mark, (started) => this.#originOf(started), buffers, {
      fs: this.#deps.fs ?? diskFs,
      nameOf,
      // What has been kept from before an event comes all at once.
      queueBytes: (this.#options.queueBytes ?? QUEUE_BYTES) + (this.#clips?.ringBytes ?? 0),
      flush: this.#deps.flush,
      onStarted: (file, clash) => {
        writer.startUs = writer.mark.wallUs + Math.round(clash * stepMs * 1000);
        this.#onStarted(segmenter, file, writer.startUs);
      },
      onFailure: (error, leftOver) => {
        segmenter.abandon(writer);
        this.#onFailure(leftOver, nameOf(0), error, writer.startUs);
      },
    });
    return writer;
  }

  #originOf({ wallUs }: StreamMark): FileOrigin {
    const { bootClock, clock } = this.#deps;
    const agoMs = clock.wallMs() - wallUs / 1000;
    // Samples from before the wall clock was set, that were kept until now, have the old time: it is not to be trusted.
    const isOfThisClock = agoMs < MAX_AGO_MS && agoMs > -MAX_AHEAD_MS;
    return {
      bootId: bootClock.bootId,
      monoUs: bootClock.monoUs() - (isOfThisClock ? agoMs * 1000 : 0),
      isClockTrusted: bootClock.isTrusted && isOfThisClock,
      offsetMinutes: Math.round(zoneOffsetMs(wallUs / 1000, this.#options.zone) / 60_000),
    };
  }

  #onStarted(segmenter: Segmenter, file: string, startUs: number): void {
    if (this.#state.kind === 'failed') {
      this.#deps.logger.info({ file }, 'recording goes on');
    }
    this.#finishLeftOver();
    this.#failures = 0;
    this.#isDropping = false;
    if (this.#current?.segmenter === segmenter) {
      this.#state = this.#clips?.isResting ? { kind: 'waiting' } : { kind: 'recording', file };
    } else if (this.#state.kind === 'failed') {
      // The last file of a stream that is over: it says nothing of the one that is recorded now.
      this.#state = { kind: this.#current ? 'waiting' : 'idle' };
    }
    this.#deps.log.opened({ path: this.#options.path, file, startUs });
  }

  #finish(writer: RecordingWriter): void {
    const done = writer
      .finish()
      .then((isWhole) => {
        const file = writer.name;
        if (isWhole && file !== undefined) {
          this.#failures = 0;
          const { startUs, durationMs, sizeBytes, header } = writer;
          const segment = { path: this.#options.path, file, startUs, durationMs, sizeBytes };
          this.#deps.log.finished(header ? { ...segment, header } : segment);
        }
      })
      .finally(() => this.#finishing.delete(done));
    this.#finishing.set(done, writer);
  }

  #onFailure(file: string | undefined, wantedFile: string, error: unknown, startUs: number): void {
    this.#failures += 1;
    this.refusedFiles += 1;
    const pauseMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1));
    this.#retryAtMs = this.#deps.clock.monoMs() + pauseMs;
    if (file !== undefined) {
      this.#leftOver.push({ path: this.#options.path, file, startUs });
    }
    const fault = diskFault(dirname(file ?? wantedFile), error);
    this.#deps.disks?.failed(file ?? wantedFile, codeOf(error));
    const isNew = this.#state.kind !== 'failed' || this.#state.error !== fault.message;
    const sinceMs = this.#state.kind === 'failed' ? this.#state.sinceMs : this.#deps.clock.wallMs();
    this.#state = { kind: 'failed', error: fault.message, why: troubleOfDisk(codeOf(error)), sinceMs };
    if (isNew) {
      this.#deps.logger.error({ ...fault.context, code: codeOf(error), cause: explain(error) }, fault.message);
    }
  }

  #finishLeftOver(): void {
    const segments = this.#leftOver;
    this.#leftOver = [];
    for (const segment of segments) {
      const done = this.#finishFile(segment).finally(() => this.#finishing.delete(done));
      this.#finishing.set(done, undefined);
    }
  }

  async #finishFile(segment: Segment): Promise<void> {
    const { clock, fs, log, logger } = this.#deps;
    const { file } = segment;
    try {
      const result = await recoverFile(file, clock.wallMs(), fs);
      if (result.kind === 'recovered') {
        const { durationMs, sizeBytes, lostBytes } = result;
        log.finished({ ...segment, durationMs, sizeBytes });
        logger.info({ file, durationMs, lostBytes }, 'finished a recording that was cut off');
      }
    } catch (error) {
      logger.warn({ file, cause: explain(error) }, 'cannot finish a recording');
    }
  }

  #onDropped(reason: Parameters<SegmenterOwner['dropped']>[0]): void {
    this.dropped[reason] += 1;
    // Said once when it begins; the count goes on.
    if (!this.#isDropping) {
      this.#isDropping = true;
      this.#deps.logger.warn({ reason, dropped: this.dropped[reason] }, 'recorder leaves out samples');
    }
  }
}
