import { PerchError } from '../../base/errors.ts';
import { release } from '../../media/sample/slab.ts';
import type { Track } from '../../media/sample/track.ts';
import type { Recorder } from '../../record/recorder.ts';
import { Stream } from '../../stream/stream.ts';

/** An access unit or audio frame of the card. */
export interface CardUnit {
  readonly isVideo: boolean;
  /** Ticks since the origin of its replay. */
  readonly pts: number;
  readonly dts: number;
  readonly key: boolean;
  /** With one hold. */
  readonly data: Uint8Array;
}

/** A whole group of pictures, with its sound. Times are ours, Unix milliseconds. */
export interface CardGroup {
  readonly startMs: number;
  readonly endMs: number;
  readonly units: readonly CardUnit[];
  readonly video: Track;
  /** Undefined: it has no sound. */
  readonly audio: Track | undefined;
  /** Time of ticks 0. */
  readonly originMs: number;
}

/** Groups that follow each other within this go to one file. */
const MAX_PAUSE_MS = 500;
/** Bytes that may wait for the disk before reading from the camera pauses. */
const MAX_WAITING_BYTES = 1 << 20;

interface Run {
  readonly stream: Stream;
  readonly originMs: number;
  readonly hasSound: boolean;
  video: Track;
  endMs: number;
  readonly lastDts: [number, number];
}

/** Records groups as recordings of their own times. */
export class GapRecorder {
  readonly #recorder: Recorder;
  readonly #path: string;
  #run: Run | undefined;

  constructor(recorder: Recorder, path: string) {
    this.#recorder = recorder;
    this.#path = path;
  }

  /** @throws PerchError if the disk does not take what comes */
  write(group: CardGroup): void {
    const { units, video, audio, originMs, startMs, endMs } = group;
    const run = this.#run;
    if (!run || Math.abs(startMs - run.endMs) > MAX_PAUSE_MS || !isSameKind(run.video, video)) {
      this.#begin(group);
    } else if (run.video !== video) {
      run.video = video;
      run.stream.setTrack(0, video);
    }
    const into = this.#run as Run;
    into.endMs = endMs;
    for (const { isVideo, pts, dts, key, data } of units) {
      const index = isVideo ? 0 : 1;
      const rate = (isVideo ? video : audio)?.clockRate ?? 0;
      const shiftTicks = Math.round(((originMs - into.originMs) * rate) / 1000);
      const place = Math.max(dts + shiftTicks, (into.lastDts[index] ?? -1) + 1);
      if (rate === 0 || dts + shiftTicks < 0 || (!isVideo && !into.hasSound)) {
        release(data);
        continue;
      }
      into.lastDts[index] = place;
      const wall = originMs + (pts * 1000) / rate;
      into.stream.write(index, { pts: Math.max(pts + shiftTicks, place), dts: place, wall, key, data });
    }
    this.#requireDisk();
  }

  /** The disk is slower than the camera: nothing more should come until it has taken what waits. */
  get isBehind(): boolean {
    return this.#recorder.waitingBytes > MAX_WAITING_BYTES;
  }

  /** Resolves when all files are complete and on disk. @throws PerchError if the disk did not take all */
  async end(): Promise<void> {
    this.#run?.stream.close();
    this.#run = undefined;
    await this.#recorder.stop();
    this.#requireDisk();
    if (this.#recorder.hasUnfinished) {
      throw new PerchError('exhausted', 'the disk hangs', { path: this.#path });
    }
  }

  #requireDisk(): void {
    const { state, dropped, refusedFiles } = this.#recorder;
    const error = state.kind === 'failed' ? state.error : undefined;
    if (error !== undefined || refusedFiles > 0) {
      throw new PerchError('exhausted', error ?? 'the disk has rejected a file', { path: this.#path });
    }
    if (dropped['slow disk'] > 0) {
      throw new PerchError('exhausted', 'the disk is too slow for what the camera sends', { path: this.#path });
    }
  }

  #begin({ startMs, video, audio, units, originMs }: CardGroup): void {
    this.#run?.stream.close();
    const hasSound = audio !== undefined && units.some(({ isVideo }) => !isVideo);
    const stream = new Stream(hasSound ? [video, audio] : [video]);
    // With reordered pictures the first one is decoded before it is shown.
    const firstDts = units.find(({ isVideo }) => isVideo)?.dts ?? 0;
    const beginMs = originMs + (firstDts * 1000) / video.clockRate;
    this.#run = { stream, originMs: beginMs, hasSound, video, endMs: startMs, lastDts: [-1, -1] };
    this.#recorder.start(stream);
  }
}

const isSameKind = (a: Track, b: Track): boolean => a.codec === b.codec && a.clockRate === b.clockRate;
