import type { Clock } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { Track } from '../media/sample/track.ts';
import type { Converter } from '../stream/derived-stream.ts';
import { AudioRateLimit, durationOf } from './audio-rate-limit.ts';
import { BatchWriter, readBatch, requestBytesOf, stampOf } from './batch.ts';
import type { FromWorker, JobRequest, TargetCodec } from './contracts.ts';
import type { EngineHost, StartEngine } from './engine-host.ts';

const TICK_MS = 1_000;
/** How long the engine runs without a job, so that a returning viewer need not wait. */
const MAX_IDLE_MS = 30_000;
/**
 * An engine hangs when it has not answered for this many ticks. Counted in ticks, not time: a blocked main loop
 * receives no answers either, and then gets one tick for all that time.
 */
const HANG_TICKS = 5;
/** At larger gaps between samples the engine may fill a frame with silence. */
const IRREGULAR_MS = 10;
/** Later output would be a burst and is dropped. */
const LATE_MS = 500;
const FIRST_PAUSE_MS = 1_000;
/** An engine that lived this long was healthy: the pause starts over. */
const HEALTHY_MS = 60_000;

/** One transcoded track. */
interface Job {
  readonly number: number;
  readonly target: TargetCodec;
  readonly track: Track;
  /** Duration of an output sample, in ticks. */
  readonly sampleTicks: number;
  readonly emit: (sample: Sample) => void;
  /** Earlier output is dropped: timestamps never run backwards, even after a restart. */
  nextPts: number;
  readonly durationOf: (data: Uint8Array) => number;
  /** Duration of all samples for the engine, ms. */
  soundMs: number;
  /** The duration with which the next frame may be complete, as the engine has said. */
  completeMs: number;
  /** End of the last sample, in ticks of `track`. */
  endPts: number;
  readonly rateLimit: AudioRateLimit;
  readonly pathOf: () => string | undefined;
  hasLoggedFailure: boolean;
  hasLoggedExcess: boolean;
}

/**
 * Runs one engine for all jobs, from the first one until a while after the last. Work that is not done in time is
 * dropped. An engine that dies or hangs is restarted; its streams are silent meanwhile.
 */
export class WorkerSupervisor {
  readonly #start: StartEngine;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #jobs = new Map<number, Job>();
  readonly #batch = new BatchWriter();
  readonly #flush = (): void => this.#send();
  #isFlushDue = false;
  #lastJobId = 0;
  #engine: EngineHost | undefined;
  #startedMs = 0;
  /** Bytes of all requests so far; `#doneBytes` are those of answered or lost ones. */
  #sentBytes = 0;
  #doneBytes = 0;
  #ticksUnanswered = 0;
  /** Callers of `settled` and the bytes they wait for. */
  #settling: { readonly bytes: number; readonly resolve: () => void }[] = [];
  #idleSinceMs: number | undefined;
  #pauseMs = 0;
  #retryMs = 0;
  #stopTicking: (() => void) | undefined;

  constructor(start: StartEngine, clock: Clock, log: Logger) {
    this.#start = start;
    this.#clock = clock;
    this.#log = log;
  }

  get isRunning(): boolean {
    return this.#engine !== undefined;
  }

  /**
   * @param sampleTicks duration of an output sample, in ticks of its track
   * @param pathOf called when something is logged
   */
  open(
    target: TargetCodec,
    track: Track,
    sampleTicks: number,
    emit: (sample: Sample) => void,
    pathOf: () => string | undefined = () => undefined,
  ): Converter {
    this.#lastJobId += 1;
    const number = this.#lastJobId;
    const job: Job = {
      number,
      target,
      track: withOwnConfig(track),
      sampleTicks,
      emit,
      nextPts: 0,
      durationOf: durationOf(track),
      soundMs: 0,
      completeMs: 0,
      endPts: 0,
      pathOf,
      rateLimit: new AudioRateLimit(target, track),
      hasLoggedFailure: false,
      hasLoggedExcess: false,
    };
    this.#jobs.set(number, job);
    this.#idleSinceMs = undefined;
    this.#stopTicking ??= this.#clock.every(TICK_MS, () => this.#tick());
    if (this.#engine) {
      this.#engine.post(requestOf(job));
    } else {
      this.#startEngine();
    }
    return {
      push: (sample) => this.#put(job, sample),
      close: () => this.#close(number),
    };
  }

  /** Resolves when all samples that were sent to the engine are transcoded or lost. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      // After the flush that is due.
      setImmediate(() => {
        this.#settling.push({ bytes: this.#sentBytes, resolve });
        this.#settle();
      });
    });
  }

  close(): void {
    this.#jobs.clear();
    this.#end();
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }

  get #unansweredBytes(): number {
    return this.#sentBytes - this.#doneBytes;
  }

  #put(job: Job, sample: Sample): void {
    // More than a minute of audio for 64 streams.
    if (!this.#engine || this.#unansweredBytes > 8 << 20) {
      return;
    }
    if (!job.rateLimit.admits(sample.data, this.#clock.monoMs())) {
      this.#logExcess(job);
      return;
    }
    this.#batch.add(job.number, sample.pts, sample.wall, sample.data);
    if (mayComplete(job, sample) && !this.#isFlushDue) {
      this.#isFlushDue = true;
      setImmediate(this.#flush);
    }
  }

  /** At the end of a turn of the event loop in which a frame may be complete. */
  #send(): void {
    this.#isFlushDue = false;
    const nowMs = this.#clock.monoMs();
    const batch = this.#batch.take(nowMs);
    if (!this.#engine) {
      return;
    }
    if (this.#unansweredBytes === 0) {
      this.#ticksUnanswered = 0;
    }
    this.#sentBytes += batch.byteLength;
    this.#engine.post(batch);
  }

  #receive(message: FromWorker): void {
    if (!(message instanceof ArrayBuffer)) {
      this.#logFailure(message.job, message.message);
      return;
    }
    const nowMs = this.#clock.monoMs();
    this.#ticksUnanswered = 0;
    this.#doneBytes += requestBytesOf(message);
    if (nowMs - stampOf(message) <= LATE_MS) {
      readBatch(message, this.#deliver);
    }
    this.#settle();
  }

  readonly #deliver = (number: number, pts: number, wall: number, data: Uint8Array): void => {
    const job = this.#jobs.get(number);
    if (job && data.length === 0) {
      job.completeMs = pts;
    } else if (job && pts >= job.nextPts) {
      job.nextPts = pts + job.sampleTicks;
      job.emit({ pts, dts: pts, wall, key: true, data });
    }
  };

  #close(number: number): void {
    if (!this.#jobs.delete(number)) {
      return;
    }
    this.#engine?.post({ type: 'close', job: number });
    if (this.#jobs.size === 0) {
      this.#idleSinceMs = this.#clock.monoMs();
    }
  }

  #startEngine(): void {
    const nowMs = this.#clock.monoMs();
    if (nowMs < this.#retryMs) {
      return;
    }
    this.#startedMs = nowMs;
    const engine = this.#tryStart();
    this.#engine = engine;
    if (!engine) {
      return;
    }
    for (const job of this.#jobs.values()) {
      job.soundMs = 0;
      job.completeMs = 0;
      engine.post(requestOf(job));
    }
  }

  /** Starting fails when the box has no thread left. */
  #tryStart(): EngineHost | undefined {
    try {
      return this.#start({
        onMessage: (message) => this.#receive(message),
        onExit: (reason) => this.#restart(reason),
      });
    } catch (cause) {
      this.#restart(explain(cause));
      return undefined;
    }
  }

  #restart(reason: string): void {
    const nowMs = this.#clock.monoMs();
    const isHealthy = nowMs - this.#startedMs >= HEALTHY_MS || this.#pauseMs === 0;
    this.#pauseMs = isHealthy ? FIRST_PAUSE_MS : Math.min(60_000, 2 * this.#pauseMs);
    this.#retryMs = nowMs + this.#pauseMs;
    this.#end();
    this.#log.warn({ reason, pauseMs: this.#pauseMs }, 'audio transcoding failed, restarting');
  }

  #end(): void {
    this.#engine?.end();
    this.#engine = undefined;
    // Samples that waited are lost, too.
    this.#batch.take(0);
    this.#doneBytes = this.#sentBytes;
    this.#ticksUnanswered = 0;
    this.#settle();
  }

  #tick(): void {
    const nowMs = this.#clock.monoMs();
    this.#ticksUnanswered += this.#unansweredBytes > 0 ? 1 : 0;
    if (this.#ticksUnanswered > HANG_TICKS) {
      this.#restart(`no answer for ${HANG_TICKS * TICK_MS} ms`);
    } else if (this.#jobs.size > 0 && !this.#engine) {
      this.#startEngine();
    } else if (this.#idleSinceMs !== undefined && nowMs - this.#idleSinceMs >= MAX_IDLE_MS) {
      this.#idleSinceMs = undefined;
      this.#end();
      this.#stopTicking?.();
      this.#stopTicking = undefined;
    }
  }

  #settle(): void {
    while (this.#settling[0] && this.#settling[0].bytes <= this.#doneBytes) {
      this.#settling.shift()?.resolve();
    }
  }

  /** Once per job: a camera may send the same damage for days. */
  #logFailure(number: number, reason: string): void {
    const job = this.#jobs.get(number);
    if (job && !job.hasLoggedFailure) {
      job.hasLoggedFailure = true;
      this.#log.warn({ ...logFieldsOf(job), reason }, 'audio cannot be transcoded');
    }
  }

  #logExcess(job: Job): void {
    if (!job.hasLoggedExcess) {
      job.hasLoggedExcess = true;
      this.#log.warn(logFieldsOf(job), 'audio arrives faster than real time, excess dropped');
    }
  }
}

/** Adds a sample's duration. @returns whether a frame may be complete with the sample, or sound is missing before it */
function mayComplete(job: Job, { pts, data }: Sample): boolean {
  const durationMs = job.durationOf(data);
  const isIrregular = Math.abs(pts - job.endPts) * 1000 > IRREGULAR_MS * job.track.clockRate;
  job.endPts = pts + (durationMs * job.track.clockRate) / 1000;
  job.soundMs += durationMs;
  // What has no duration, such as an empty sample, does not wait.
  return isIrregular || durationMs === 0 || job.soundMs >= job.completeMs;
}

const requestOf = ({ number, target, track, sampleTicks }: Job): JobRequest => ({
  ...{ type: 'open', job: number, target, track, sampleTicks },
});

function logFieldsOf({ pathOf, track }: Job): object {
  const path = pathOf();
  return { ...(path === undefined ? {} : { path }), codec: track.codec };
}

/** Copied: posting a view would clone the whole buffer behind it. */
const withOwnConfig = (track: Track): Track =>
  track.codec === 'aac' ? { ...track, config: Uint8Array.from(track.config) } : track;
