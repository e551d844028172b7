import type { Clock } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { Track } from '../media/sample/track.ts';
import type { Converter } from '../stream/derived-stream.ts';
import { BatchWriter, readBatch, requestBytesOf, stampOf } from './batch.ts';
import type { EngineHost, StartEngine } from './engine-host.ts';
import type { Form, FromWorker } from './messages.ts';
import { SoundBudget } from './sound-budget.ts';

const TICK_MS = 1_000;
/** Without a lane it ends after this long: somebody who comes back at once does not wait for it. */
const IDLE_LIMIT_MS = 30_000;
/**
 * An engine that has not answered for so many ticks hangs. Not by the clock: while the main loop stands still it takes no answer either,
 * and then has one tick for all that time.
 */
const HANG_TICKS = 5;
/** More than a minute of sound for sixty-four streams: beyond it samples are dropped. */
const MAX_UNANSWERED_BYTES = 8 << 20;
/** Sound that took longer would only come as a burst. */
const LATE_MS = 500;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
/** One that has lasted this long was healthy. */
const HEALTHY_MS = 60_000;

/** One track that is turned. */
interface Lane {
  readonly number: number;
  readonly form: Form;
  readonly track: Track;
  /** Of what is made. */
  readonly frameTicks: number;
  readonly emit: (sample: Sample) => void;
  /** Nothing earlier is emitted any more: times never run backwards, whatever happens to the engine. */
  nextPts: number;
  readonly budget: SoundBudget;
  /** Of the path, for the log. */
  readonly pathOf: () => string | undefined;
  hasFaulted: boolean;
  hasFlooded: boolean;
}

/**
 * All turning of sound: one engine, there from the first need until a while after the last. What it does not do in time is dropped;
 * one that dies or hangs is started again, and its streams go on without sound meanwhile.
 */
export class Workshop {
  readonly #start: StartEngine;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lanes = new Map<number, Lane>();
  readonly #batch = new BatchWriter();
  readonly #flush = (): void => this.#send();
  #isFlushDue = false;
  #lastLane = 0;
  #engine: EngineHost | undefined;
  #startedMs = 0;
  /** Of requests to all engines so far, and of those that are answered or lost. */
  #sentBytes = 0;
  #doneBytes = 0;
  #ticksUnanswered = 0;
  /** Those who wait until so much is done. */
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
   * @param frameTicks how long each sample lasts that is emitted, in ticks of its track
   * @param pathOf asked when something has to be told
   */
  open(
    form: Form,
    track: Track,
    frameTicks: number,
    emit: (sample: Sample) => void,
    pathOf: () => string | undefined = () => undefined,
  ): Converter {
    this.#lastLane += 1;
    const number = this.#lastLane;
    const lane: Lane = {
      ...{ number, form, track: alone(track), frameTicks, emit, nextPts: 0, pathOf },
      budget: new SoundBudget(form, track),
      hasFaulted: false,
      hasFlooded: false,
    };
    this.#lanes.set(number, lane);
    this.#idleSinceMs = undefined;
    this.#stopTicking ??= this.#clock.every(TICK_MS, () => this.#tick());
    if (this.#engine) {
      this.#engine.post({ type: 'open', lane: number, form, track: lane.track });
    } else {
      this.#startEngine();
    }
    return {
      push: (sample) => this.#put(lane, sample),
      close: () => this.#close(number),
    };
  }

  /** Resolves when all that has been pushed until now is turned, or lost. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      // Behind the flush that is due.
      setImmediate(() => {
        this.#settling.push({ bytes: this.#sentBytes, resolve });
        this.#settle();
      });
    });
  }

  close(): void {
    this.#lanes.clear();
    this.#end();
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }

  get #unansweredBytes(): number {
    return this.#sentBytes - this.#doneBytes;
  }

  #put(lane: Lane, sample: Sample): void {
    if (!this.#engine || this.#unansweredBytes > MAX_UNANSWERED_BYTES) {
      return;
    }
    if (!lane.budget.takes(sample.data, this.#clock.monoMs())) {
      this.#tellFlood(lane);
      return;
    }
    this.#batch.add(lane.number, sample.pts, sample.wall, sample.data);
    if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      setImmediate(this.#flush);
    }
  }

  /** Once for all samples of a turn of the loop. */
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
      this.#tellFault(message.lane, message.message);
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
    const lane = this.#lanes.get(number);
    if (lane && pts >= lane.nextPts) {
      lane.nextPts = pts + lane.frameTicks;
      lane.emit({ pts, dts: pts, wall, key: true, data });
    }
  };

  #close(number: number): void {
    if (!this.#lanes.delete(number)) {
      return;
    }
    this.#engine?.post({ type: 'close', lane: number });
    if (this.#lanes.size === 0) {
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
    for (const { number, form, track } of this.#lanes.values()) {
      engine.post({ type: 'open', lane: number, form, track });
    }
  }

  /** The machine may have no thread left for it. */
  #tryStart(): EngineHost | undefined {
    try {
      return this.#start({
        onMessage: (message) => this.#receive(message),
        onDied: (reason) => this.#restart(reason),
      });
    } catch (cause) {
      this.#restart(explain(cause));
      return undefined;
    }
  }

  #restart(reason: string): void {
    const nowMs = this.#clock.monoMs();
    const isHealthy = nowMs - this.#startedMs >= HEALTHY_MS || this.#pauseMs === 0;
    this.#pauseMs = isHealthy ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, 2 * this.#pauseMs);
    this.#retryMs = nowMs + this.#pauseMs;
    this.#end();
    this.#log.warn({ reason, pauseMs: this.#pauseMs }, 'transcoding of sound failed: it starts again');
  }

  #end(): void {
    this.#engine?.end();
    this.#engine = undefined;
    this.#doneBytes = this.#sentBytes;
    this.#ticksUnanswered = 0;
    this.#settle();
  }

  #tick(): void {
    const nowMs = this.#clock.monoMs();
    this.#ticksUnanswered += this.#unansweredBytes > 0 ? 1 : 0;
    if (this.#ticksUnanswered > HANG_TICKS) {
      this.#restart(`no answer for ${HANG_TICKS * TICK_MS} ms`);
    } else if (this.#lanes.size > 0 && !this.#engine) {
      this.#startEngine();
    } else if (this.#idleSinceMs !== undefined && nowMs - this.#idleSinceMs >= IDLE_LIMIT_MS) {
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

  /** Once for each lane: a camera may send the same damage for days. */
  #tellFault(number: number, reason: string): void {
    const lane = this.#lanes.get(number);
    if (lane && !lane.hasFaulted) {
      lane.hasFaulted = true;
      this.#log.warn({ ...factsOf(lane), reason }, 'sound of a stream cannot be turned');
    }
  }

  #tellFlood(lane: Lane): void {
    if (!lane.hasFlooded) {
      lane.hasFlooded = true;
      this.#log.warn(factsOf(lane), 'sound of a stream comes faster than it plays: what is too much is not turned');
    }
  }
}

function factsOf({ pathOf, track }: Lane): object {
  const path = pathOf();
  return { ...(path === undefined ? {} : { path }), codec: track.codec };
}

/** A view of a larger piece of memory would take all of it along. */
const alone = (track: Track): Track =>
  track.codec === 'aac' ? { ...track, config: Uint8Array.from(track.config) } : track;
