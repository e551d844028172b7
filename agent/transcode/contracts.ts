import type { Track } from '../media/sample/track.ts';

export type TargetCodec = 'opus' | 'flac';

/** Sent to the worker in addition to batches of samples (`batch.ts`). It answers each batch with one of transcoded samples, in order. */
export type JobRequest =
  | {
      readonly type: 'open';
      readonly job: number;
      readonly target: TargetCodec;
      readonly track: Track;
      /** Duration of an output sample, in ticks of the output track. */
      readonly sampleTicks: number;
    }
  | { readonly type: 'close'; readonly job: number };

/** Sent by the worker in addition to batches: a job could not be opened, or failed and starts over. */
interface JobFailure {
  readonly type: 'failure';
  readonly job: number;
  readonly message: string;
}

export type ToWorker = JobRequest | ArrayBuffer;
export type FromWorker = JobFailure | ArrayBuffer;

/** @param pts in ticks of the output track */
export type Emit = (pts: number, wall: number, data: Uint8Array) => void;

/** Transcodes one track, in the worker. */
export interface TrackTranscoder {
  /**
   * Emits complete frames during the call. Damaged data yields silence and does not throw.
   * @param pts in ticks of the input track
   * @returns the duration of the sound, ms, with which the next frame may be complete
   */
  push(data: Uint8Array, pts: number, wall: number): number;
  /** Releases WebAssembly memory, which is not garbage-collected. Called once. */
  free(): void;
}
