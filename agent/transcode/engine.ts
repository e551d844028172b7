import { explain } from '../base/errors.ts';
import type { OpusTrack } from '../media/sample/track.ts';
import { durationOf } from './audio-rate-limit.ts';
import { BatchWriter, readBatch, stampOf } from './batch.ts';
import type { Emit, FromWorker, JobRequest, ToWorker, TrackTranscoder } from './contracts.ts';
import { FlacTranscoder } from './flac-transcoder.ts';
import { OpusTranscoder } from './opus-transcoder.ts';
import type { OpusSourceTrack } from './transcodable.ts';

interface JobState {
  readonly request: Extract<JobRequest, { type: 'open' }>;
  /** Undefined if it is not yet created, or creating it failed. */
  transcoder: TrackTranscoder | undefined;
  /** The next sample creates a new transcoder. */
  isBroken: boolean;
  readonly durationOf: (data: Uint8Array) => number;
  /** Duration of the samples so far. */
  soundMs: number;
  /** What was reported last: the duration with which the next frame may be complete. */
  completeMs: number;
}

/** Smaller changes are not reported. */
const REPORTED_MS = 1;
const NO_DATA = new Uint8Array(0);

/** Runs in the worker and transcodes the audio of all jobs. */
export class Engine {
  readonly #post: (message: FromWorker) => void;
  readonly #jobs = new Map<number, JobState>();
  readonly #output = new BatchWriter();

  /** @param post transfers the memory of a batch */
  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  receive(message: ToWorker): void {
    if (message instanceof ArrayBuffer) {
      readBatch(message, (job, pts, wall, data) => this.#push(job, pts, wall, data));
      // Sent even without samples: it reports progress.
      this.#post(this.#output.take(stampOf(message), message.byteLength));
    } else if (message.type === 'open') {
      const job: JobState = {
        request: message,
        transcoder: undefined,
        isBroken: false,
        durationOf: durationOf(message.track),
        soundMs: 0,
        completeMs: 0,
      };
      this.#jobs.set(message.job, job);
      this.#createTranscoder(job);
    } else {
      this.#jobs.get(message.job)?.transcoder?.free();
      this.#jobs.delete(message.job);
    }
  }

  #push(number: number, pts: number, wall: number, data: Uint8Array): void {
    const job = this.#jobs.get(number);
    if (!job) {
      return;
    }
    if (job.isBroken) {
      this.#createTranscoder(job);
    }
    job.soundMs += job.durationOf(data);
    try {
      const completeMs = job.soundMs + (job.transcoder?.push(data, pts, wall) ?? 0);
      if (Math.abs(completeMs - job.completeMs) > REPORTED_MS) {
        job.completeMs = completeMs;
        this.#output.add(number, completeMs, 0, NO_DATA);
      }
    } catch (error) {
      this.#fail(job, error);
    }
  }

  /** libopus is already loaded, so the transcoder exists before the next message. */
  #createTranscoder(job: JobState): void {
    const { job: number, target, track, sampleTicks } = job.request;
    job.isBroken = false;
    const emit: Emit = (pts, wall, data) => this.#output.add(number, pts, wall, data);
    const creating =
      target === 'opus'
        ? OpusTranscoder.create(track as OpusSourceTrack, sampleTicks, emit)
        : FlacTranscoder.create(track as OpusTrack, emit);
    creating.then(
      (transcoder) => {
        if (this.#jobs.get(number) === job) {
          job.transcoder = transcoder;
        } else {
          transcoder.free();
        }
      },
      (error: unknown) => this.#fail(job, error),
    );
  }

  /** A failed job does not affect the others. */
  #fail(job: JobState, error: unknown): void {
    job.transcoder?.free();
    job.transcoder = undefined;
    job.isBroken = true;
    this.#post({ type: 'failure', job: job.request.job, message: explain(error) });
  }
}
