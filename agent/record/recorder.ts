import { dirname } from 'node:path';
import { type Clock, endsWithin } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { containerStream, leftOutLabels } from '../stream/container-stream.ts';
import type { Reader, Stream } from '../stream/stream.ts';
import { type ClipOptions, Clips } from './clips/clips.ts';
import { codeOf, diskFault, type RecordingTrouble, troubleOfDisk } from './file/disk-fault.ts';
import { FETCHED_BOOTS, type FetchedFrom } from './file/file-mark.ts';
import { formatRecordPath, type RecordFormat } from './file/record-path.ts';
import { diskFs, type SegmentFs } from './file/segment-fs.ts';
import type { Segment, SegmentLog } from './file/segment-log.ts';
import type { StreamMark } from './file/stream-mark.ts';
import { zoneOffsetMs } from './file/time-zone.ts';
import { TsSegmentWriter } from './mpegts/ts-segment-writer.ts';
import { recoverFile } from './recovery/recovery.ts';
import { Segmenter, type SegmenterLimits, type SegmenterOwner } from './segmenter.ts';
import { type FlushPoint, HANGING_MS } from './write/flush.ts';
import type { FileOrigin, RecordingWriter } from './write/recording-writer.ts';
import { SegmentWriter } from './write/segment-writer.ts';
import type { TrackBuffer } from './write/track-buffer.ts';

export interface BootClock {
  /** 32 hexadecimal digits. Monotonic times of one boot are comparable across restarts of Perch. */
  readonly bootId: string;
  /** Microseconds since boot. */
  monoUs(): number;
  /** The wall clock was set (by NTP, GPS or a battery-backed clock). */
  readonly isTrusted: boolean;
}

const FIRST_RETRY_MS = 2_000;
/** Limit of the bytes queued for the disk: about ten seconds of a good camera. */
const QUEUE_BYTES = 16 << 20;
const WRITERS = { fmp4: SegmentWriter, mpegts: TsSegmentWriter };
const CONTAINER_NAMES: Record<RecordFormat, string> = { fmp4: 'MP4', mpegts: 'MPEG-TS' };
/**
 * A first sample captured earlier than this, or further in the future than `MAX_AHEAD_MS`, has the time of a clock that was set since.
 * The limits leave room for samples kept before an event, and for cameras whose own clock is used.
 */
const MAX_AGO_MS = 10 * 60_000;
const MAX_AHEAD_MS = 15_000;
/** A name clash is resolved in steps of a microsecond, or of a second if the template has no microseconds. */
const CLASH_STEPS_MS = [0.001, 1000] as const;

/** A group of pictures that is fetched comes at once, up to this. */
const FETCHED_PART_BYTES = 32 << 20;

const FAULT_TEXT = 'the recorder failed by a bug: it restarts when the camera reconnects';

export interface RecorderOptions extends SegmenterLimits {
  readonly path: string;
  readonly recordPath: string;
  /** Default `fmp4`. */
  readonly format?: RecordFormat;
  /** IANA name for the times in file names, or undefined for the box's zone. */
  readonly zone?: string;
  readonly queueBytes?: number;
  readonly clips?: ClipOptions | undefined;
  /** The samples were captured earlier, at the times that they have. */
  readonly fetchedFrom?: FetchedFrom;
}

export interface DiskGuard {
  /** Why a file may not be recorded, or undefined if it may. */
  refusal(file: string): string | undefined;
  failed(file: string, code: string): void;
}

interface RecorderDeps {
  readonly flush: FlushPoint;
  readonly log: SegmentLog;
  readonly clock: Clock;
  readonly bootClock: BootClock;
  readonly logger: Logger;
  /** Default: all disks are tried. */
  readonly disks?: DiskGuard;
  readonly fs?: SegmentFs;
}

type RecorderState =
  | { readonly kind: 'idle' }
  /** A stream without its first key frame or part, or without an event. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'recording'; readonly file: string }
  /** The disk cannot be written and is retried, or the stream has nothing to record. `sinceMs` is Unix time. */
  | { readonly kind: 'failed'; readonly error: string; readonly why: RecordingTrouble; readonly sinceMs: number };

/** Records the streams of a path, one at a time. A failing disk never affects the stream. */
export class Recorder {
  /** Dropped samples since the recorder was created. */
  readonly dropped = { 'slow disk': 0, 'late sample': 0, 'jumped timestamp': 0 };
  /** Files rejected by the disk, at their start or in the middle. */
  refusedFiles = 0;
  readonly #options: RecorderOptions;
  readonly #deps: RecorderDeps;
  #state: RecorderState = { kind: 'idle' };
  readonly #clips: Clips | undefined;
  #current: { readonly stream: Stream; readonly segmenter: Segmenter; readonly reader: Reader } | undefined;
  /** The file that was begun last. */
  #newest: RecordingWriter | undefined;
  readonly #finishing = new Map<Promise<void>, RecordingWriter | undefined>();
  /** Files left unfinished by a failing disk, to be finished when it recovers. */
  #leftOver: Segment[] = [];
  #failures = 0;
  #retryAtMs = 0;
  #isDropping = false;
  readonly #loggedCodecs = new Set<string>();

  constructor(options: RecorderOptions, deps: RecorderDeps) {
    this.#options = options;
    this.#deps = deps;
    const { clips, path } = options;
    this.#clips = clips && new Clips(path, clips, { ...deps, onClosed: () => this.#rest() });
  }

  get state(): RecorderState {
    this.#askAtRest();
    return this.#state;
  }

  get #limits(): SegmenterLimits {
    const { fetchedFrom, maxPartBytes } = this.#options;
    return fetchedFrom
      ? { ...this.#options, hasWholeGroups: true, maxPartBytes: Math.max(maxPartBytes, FETCHED_PART_BYTES) }
      : this.#options;
  }

  get #format(): RecordFormat {
    return this.#options.format ?? 'fmp4';
  }

  /** After `stop`: files that the disk has rejected, or not finished in time. */
  get hasUnfinished(): boolean {
    return this.#finishing.size > 0 || this.#leftOver.length > 0;
  }

  /** What the disk has not taken yet of all files. */
  get waitingBytes(): number {
    const writers = new Set([this.#newest, ...this.#finishing.values()]);
    return [...writers].reduce((sum, writer) => sum + (writer?.waitingBytes ?? 0), 0);
  }

  get keptBytes(): number {
    return this.#clips?.keptBytes ?? 0;
  }

  /** Records `stream` until it ends, starting with its cached GOP. */
  start(stream: Stream): void {
    this.#leave();
    const source = containerStream(stream, this.#format);
    const leftOut = leftOutLabels(stream, this.#format);
    if (source.tracks.length === 0) {
      this.#refuse(`nothing in this stream can be recorded: it has ${leftOut.join(', ') || 'no tracks'}`);
      return;
    }
    this.#logLeftOut(leftOut);
    this.#state = this.#state.kind === 'failed' ? this.#state : { kind: 'waiting' };
    const segmenter: Segmenter = new Segmenter(
      source.tracks,
      this.#limits,
      this.#owner(() => segmenter),
    );
    const reader = this.#clips?.reader(source.tracks, segmenter, stream) ?? segmenter;
    this.#current = { stream: source, segmenter, reader };
    source.addReader(reader, true);
    this.#clips?.joined();
  }

  /** Resolves when all recordings are complete and on disk, rejected by the disk, or the disk hangs. */
  async stop(): Promise<void> {
    this.#clips?.stop();
    this.#leave();
    while (this.#finishing.size > 0 || (this.#options.fetchedFrom && this.#leftOver.length > 0)) {
      if (this.#options.fetchedFrom) {
        // No later file of this recorder would finish them.
        this.#finishLeftOver();
      }
      const steps = this.#steps;
      const all = Promise.all(this.#finishing.keys());
      if (!(await endsWithin(this.#deps.clock, HANGING_MS, all)) && this.#steps === steps) {
        const files = [...this.#finishing.values()].map((writer) => writer?.name);
        this.#deps.logger.error({ files }, 'disk hangs, recordings stay unfinished until the next start');
        return;
      }
    }
  }

  get #steps(): number {
    return [...this.#finishing.values()].reduce((sum, writer) => sum + (writer?.steps ?? 0), 0);
  }

  /** Between events nothing is written that would show a fault of the disk: takes its state from the guard. */
  #askAtRest(): void {
    const isResting = this.#current !== undefined && this.#clips?.isResting === true;
    if (isResting && this.#mayRecord() && this.#state.kind === 'failed' && this.#isRetryDue) {
      this.#state = { kind: 'waiting' };
    }
  }

  get #isRetryDue(): boolean {
    return this.#deps.clock.monoMs() >= this.#retryAtMs;
  }

  #rest(): void {
    if (this.#state.kind === 'recording') {
      this.#state = { kind: 'waiting' };
    }
  }

  /** The disk accepts no more: finishes the file and waits. */
  interrupt(error: string): void {
    if (this.#current) {
      this.#current.segmenter.pause();
      this.#state = { kind: 'failed', error, why: 'disk', sinceMs: this.#deps.clock.wallMs() };
    }
  }

  #refuse(error: string): void {
    if (this.#state.kind !== 'failed' || this.#state.error !== error) {
      this.#state = { kind: 'failed', error, why: 'nothingToRecord', sinceMs: this.#deps.clock.wallMs() };
      this.#deps.logger.error(error);
    }
  }

  #logLeftOut(codecs: readonly string[]): void {
    for (const codec of codecs) {
      if (!this.#loggedCodecs.has(codec)) {
        this.#loggedCodecs.add(codec);
        const container = CONTAINER_NAMES[this.#format];
        this.#deps.logger.warn({ codec }, `tracks not recorded, ${container} cannot hold them`);
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
      mayOpen: () => this.#isRetryDue && this.#mayRecord(),
      open: (mark, buffers) => this.#open(segmenter(), mark, buffers),
      finish: (writer) => this.#finish(writer),
      dropped: (reason) => this.#onDropped(reason),
      ended: (cause) => {
        if (cause !== undefined) {
          this.#deps.logger.error({ err: cause }, 'recorder failed');
          this.#state = { kind: 'failed', error: FAULT_TEXT, why: 'fault', sinceMs: this.#deps.clock.wallMs() };
        }
        this.#current = undefined;
        this.#clips?.leave();
        this.#state = this.#state.kind === 'failed' ? this.#state : { kind: 'idle' };
      },
    };
  }

  /** Whether the disk can be recorded to. Logs nothing: the guard has logged the state of the disk. */
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
      // Samples kept before an event arrive at once.
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
    this.#newest = writer;
    return writer;
  }

  #originOf({ wallUs }: StreamMark): FileOrigin {
    const { bootClock, clock } = this.#deps;
    const offsetMinutes = Math.round(zoneOffsetMs(wallUs / 1000, this.#options.zone) / 60_000);
    const { fetchedFrom } = this.#options;
    if (fetchedFrom) {
      return { bootId: FETCHED_BOOTS[fetchedFrom], monoUs: 0, isClockTrusted: true, offsetMinutes };
    }
    const agoMs = clock.wallMs() - wallUs / 1000;
    // Samples kept from before the clock was set have wrong times.
    const isOfThisClock = agoMs < MAX_AGO_MS && agoMs > -MAX_AHEAD_MS;
    return {
      bootId: bootClock.bootId,
      monoUs: bootClock.monoUs() - (isOfThisClock ? agoMs * 1000 : 0),
      isClockTrusted: bootClock.isTrusted && isOfThisClock,
      offsetMinutes,
    };
  }

  #onStarted(segmenter: Segmenter, file: string, startUs: number): void {
    if (this.#state.kind === 'failed') {
      this.#deps.logger.info({ file }, 'recording resumed');
    }
    this.#finishLeftOver();
    this.#failures = 0;
    this.#isDropping = false;
    if (this.#current?.segmenter === segmenter) {
      this.#state = this.#clips?.isResting ? { kind: 'waiting' } : { kind: 'recording', file };
    } else if (this.#state.kind === 'failed') {
      // The file belongs to an ended stream, so the current one is not recording yet.
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
    const pauseMs = Math.min(10_000, FIRST_RETRY_MS * 2 ** (this.#failures - 1));
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
        logger.info({ file, durationMs, lostBytes }, 'recovered a truncated recording');
      }
    } catch (error) {
      logger.warn({ file, cause: explain(error) }, 'cannot finish a recording');
    }
  }

  #onDropped(reason: Parameters<SegmenterOwner['dropped']>[0]): void {
    this.dropped[reason] += 1;
    // Only the first dropped sample is logged; all are counted.
    if (!this.#isDropping) {
      this.#isDropping = true;
      this.#deps.logger.warn({ reason, dropped: this.dropped[reason] }, 'recorder drops samples');
    }
  }
}
