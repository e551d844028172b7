import { randomUUID } from 'node:crypto';
import type { Sample } from '../media/sample/sample.ts';
import type { Track } from '../media/sample/track.ts';
import type { Reader } from '../stream/stream.ts';
import type { StreamMark } from './file/stream-mark.ts';
import type { RecordingWriter } from './write/recording-writer.ts';
import { StartLabel } from './write/start-label.ts';
import { leadingTrackOf, TrackBuffer } from './write/track-buffer.ts';

/** Samples of other tracks that are this much older than the key sample that begins a file belong to the one before. */
const MAX_LAG_SECONDS = 1;
/** When the capture times and the stream's own times part by more than this, one of the two has jumped. */
const MAX_DRIFT_MS = 5_000;
/** A camera's clock runs away from ours by seconds in a day: long before that is taken for a jump, a new file is labelled anew. */
const TOLERATED_DRIFT_MS = MAX_DRIFT_MS / 2;
const JUMPS_TO_START_OVER = 3;
/** From one sample to the next the capture time has moved by so much more or less than the stream's own: the wall clock was set. */
const MIN_STEP_MS = 1_000;
/** A camera whose clock jumps all the time has its files cut no more often than this. */
const MIN_BROKEN_SECONDS = 10;
/** A camera that begins with what it has kept is waited for: the first part is so long at most. */
const MAX_BURST_SECONDS = 10;
/** A sample of another track this far from the leading one is a wrong timestamp. */
const MAX_SPREAD_SECONDS = 10;

export interface SegmenterLimits {
  readonly partDurationMs: number;
  readonly maxPartBytes: number;
  readonly segmentDurationMs: number;
}

/** What the recorder does for its segmenter. */
export interface SegmenterOwner {
  /** Called at a key sample when there is no file: false while the disk is given a rest after a failure. */
  mayOpen(): boolean;
  open(mark: StreamMark, buffers: readonly TrackBuffer[]): RecordingWriter;
  /** The file has all its samples. */
  finish(writer: RecordingWriter): void;
  /** Samples that cannot be stored were left out: from here to the next key sample, or a single one. */
  dropped(reason: 'slow disk' | 'late sample' | 'jumped timestamp'): void;
  ended(cause?: unknown): void;
}

/**
 * Cuts a stream into parts and files. A file begins with a key sample of the leading track; other tracks go on where they
 * were, so that nothing is lost at a cut. Each track's newest sample is held back until its end is known.
 */
export class Segmenter implements Reader {
  readonly id = 'recorder';
  readonly countsHolds = true;
  readonly #buffers: readonly TrackBuffer[];
  readonly #lead: TrackBuffer;
  readonly #limits: SegmenterLimits;
  readonly #owner: SegmenterOwner;
  #writer: RecordingWriter | undefined;
  #streamId = newStreamId();
  #segmentNumber = 0;
  /** Nothing is taken before the next key sample of the leading track. */
  #isWaiting = true;
  #wantsNewFile = false;
  /** The camera's clock has jumped: the next file does not follow on from this one. */
  #isBroken = false;
  #partBytes = 0;
  /** The first sample of the file: what drift is measured against. */
  #startWall = 0;
  #startDts = 0;
  readonly #label = new StartLabel();
  /** Samples of the leading track with jumped timestamps, one after the other. */
  #jumps = 0;

  constructor(tracks: readonly Track[], limits: SegmenterLimits, owner: SegmenterOwner) {
    this.#buffers = tracks.map((track, i) => new TrackBuffer(i, track));
    this.#lead = this.#buffers[leadingTrackOf(tracks)] as TrackBuffer;
    this.#limits = limits;
    this.#owner = owner;
  }

  onSample(track: number, sample: Sample): void {
    const buffer = this.#buffers[track] as TrackBuffer;
    if (this.#isWaiting) {
      this.#join(buffer, sample);
      return;
    }
    if (buffer.wantsKey && !sample.key) {
      return;
    }
    buffer.wantsKey = false;
    const held = buffer.last;
    if (held === undefined) {
      this.#append(buffer, sample);
      return;
    }
    const stepMs = buffer === this.#lead ? this.#stepMs(held, sample) : 0;
    if (buffer === this.#lead ? this.#hasJumped(sample, stepMs) : this.#isStray(buffer, sample)) {
      this.#onJump(buffer, sample);
      return;
    }
    if (!this.#append(buffer, sample)) {
      return;
    }
    if (stepMs !== 0) {
      // Time in the file goes on as it was; the next one gets its label from the clock as it is now.
      this.#startWall += stepMs;
      this.#wantsNewFile = true;
    }
    this.#complete(buffer, held);
    if (buffer === this.#lead && !this.#isWaiting) {
      this.#jumps = 0;
      if (sample.key) {
        this.#alignPart();
        this.#cutAt(sample);
      }
    }
  }

  /** A file has one description of its tracks: the next key sample begins another, and readers must not join the two. */
  onTrack(track: number, description: Track): void {
    const buffer = this.#buffers[track] as TrackBuffer;
    buffer.nextTrack = description;
    this.#wantsNewFile = true;
    if (!this.#writer) {
      this.#applyDescriptions();
    }
  }

  /** Where the camera's clock has jumped readers must not join two files. Sound alone does not tell: there are bad microphones. */
  onDiscontinuity(track: number): void {
    this.#isBroken ||= this.#buffers[track] === this.#lead;
  }

  onEnd(cause?: unknown): void {
    this.#completeAll();
    this.#finish();
    this.#isWaiting = true;
    this.#owner.ended(cause);
  }

  /** Writes what there is and has it flushed: what led up to an event is not to wait for the next part and the next round. */
  flush(): void {
    if (this.#writer) {
      this.#writePart();
      this.#writer?.flush();
    }
  }

  /** Ends the file with what there is: the next key sample begins another one, which does not follow on from it. */
  pause(): void {
    this.#completeAll();
    this.#finish();
    this.#renew();
    this.#wait();
  }

  /** The disk refused the file: what comes next begins a new one, which does not follow on from it. */
  abandon(writer: RecordingWriter): void {
    if (this.#writer === writer) {
      this.#writer = undefined;
      this.#partBytes = 0;
      this.#wait();
    }
    this.#renew();
  }

  /** While waiting: a key sample ends the wait. Samples of sound are held on the way, for the file may begin with one. */
  #join(buffer: TrackBuffer, sample: Sample): void {
    if (buffer !== this.#lead || !sample.key) {
      if (buffer.track.kind === 'audio') {
        buffer.clear();
        buffer.append(sample);
      }
      return;
    }
    if (!this.#writer && !this.#owner.mayOpen()) {
      return;
    }
    buffer.clear();
    buffer.append(sample);
    this.#isWaiting = false;
    buffer.wantsKey = false;
    if (!this.#writer) {
      this.#begin();
    } else if (this.#wantsNewFile) {
      this.#cutAt(sample);
    }
  }

  #hasJumped(sample: Sample, stepMs: number): boolean {
    return Math.abs(this.#driftMs(sample) - stepMs) > MAX_DRIFT_MS;
  }

  #driftMs(sample: Sample): number {
    const mediaMs = this.#lead.secondsOf(sample.dts - this.#startDts) * 1000;
    return sample.wall - this.#startWall - mediaMs;
  }

  /** How far the wall clock was set between two samples of the leading track; 0 when it was not, or the samples' own time has jumped. */
  #stepMs(held: Sample, sample: Sample): number {
    const mediaMs = this.#lead.secondsOf(sample.pts - held.pts) * 1000;
    const stepMs = sample.wall - held.wall - mediaMs;
    const olderMs = this.#label.push(stepMs, this.#lead.secondsOf(sample.dts - held.dts) * 1000);
    this.#startWall -= olderMs ?? 0;
    if (olderMs !== undefined && stepMs < 0) {
      return 0;
    }
    return Math.abs(stepMs) > MIN_STEP_MS && Math.abs(mediaMs) <= MAX_DRIFT_MS ? stepMs : 0;
  }

  #isStray(buffer: TrackBuffer, sample: Sample): boolean {
    const held = this.#lead.last;
    const apart = held ? buffer.secondsOf(sample.dts) - this.#lead.secondsOf(held.dts) : 0;
    return Math.abs(apart) > MAX_SPREAD_SECONDS;
  }

  /** A single wrong stamp is left out; after several in a row, old and new samples cannot be told on one scale. */
  #onJump(buffer: TrackBuffer, sample: Sample): void {
    this.#owner.dropped('jumped timestamp');
    this.#jumps += buffer === this.#lead ? 1 : 0;
    if (this.#jumps < JUMPS_TO_START_OVER) {
      return;
    }
    this.pause();
    this.#join(buffer, sample);
  }

  #append(buffer: TrackBuffer, sample: Sample): boolean {
    const isLater = buffer.append(sample);
    if (!isLater) {
      this.#owner.dropped('late sample');
    }
    return isLater;
  }

  /** The sample's end is known. */
  #complete(buffer: TrackBuffer, sample: Sample): void {
    if (sample.dts < buffer.originDts) {
      // It is the buffer's first. Sound from right before the first picture belongs to no file: that is no fault.
      buffer.drop(1);
      if (buffer.secondsOf(buffer.originDts - sample.dts) > MAX_LAG_SECONDS) {
        this.#owner.dropped('late sample');
      }
      return;
    }
    this.#partBytes += sample.data.length;
    const partTicks = buffer.wholeTicks;
    const { clockRate } = buffer.track;
    const isInBurst = this.#label.isInBurst && partTicks < MAX_BURST_SECONDS * clockRate;
    const isLong = partTicks * 1000 >= this.#limits.partDurationMs * clockRate;
    if ((isLong && !isInBurst) || this.#partBytes >= this.#limits.maxPartBytes) {
      this.#writePart();
    }
  }

  #writePart(): void {
    this.#partBytes = 0;
    this.#setLabel();
    if (this.#writer && !this.#writer.writePart()) {
      this.#owner.dropped('slow disk');
      this.#wait();
    }
  }

  /** The file is created with its first part. */
  #setLabel(): void {
    const writer = this.#writer;
    if (writer && this.#label.finish()) {
      const { mark } = writer;
      writer.mark = { ...mark, wallUs: mark.wallUs - Math.round(this.#label.earlierMs * 1000) };
    }
  }

  /** Where a part is half full, a key sample begins the next one: players start at the beginning of parts. */
  #alignPart(): void {
    const { wholeTicks, track } = this.#lead;
    if (!this.#label.isInBurst && wholeTicks * 2000 >= this.#limits.partDurationMs * track.clockRate) {
      this.#writePart();
    }
  }

  /** At a key sample of the leading track (held): ends the file when it is long enough, or its time has come to differ from ours. */
  #cutAt(sample: Sample): void {
    if (this.#isWaiting) {
      return;
    }
    const ticks = sample.dts - this.#startDts;
    const isLongEnough = ticks * 1000 >= this.#limits.segmentDurationMs * this.#lead.track.clockRate;
    const isBroken = this.#isBroken && ticks >= MIN_BROKEN_SECONDS * this.#lead.track.clockRate;
    const isOff = Math.abs(this.#driftMs(sample)) > TOLERATED_DRIFT_MS;
    if (!isLongEnough && !this.#wantsNewFile && !isBroken && !isOff) {
      return;
    }
    const oldest = this.#lead.secondsOf(sample.dts) - MAX_LAG_SECONDS;
    for (const buffer of this.#buffers) {
      if (buffer.last && buffer.secondsOf(buffer.last.dts) < oldest) {
        this.#completeLast(buffer);
      }
    }
    this.#finish();
    if (!this.#owner.mayOpen()) {
      // Nobody knows for how long.
      this.#renew();
      this.#wait();
    } else if (this.#isWaiting) {
      this.#wait();
      this.#join(this.#lead, sample);
    } else {
      this.#begin();
    }
  }

  /** Begins a file with the held samples. */
  #begin(): void {
    this.#applyDescriptions();
    const lead = this.#lead.last as Sample;
    const leadSeconds = this.#lead.secondsOf(lead.dts);
    let first = this.#lead;
    let start = lead;
    for (const buffer of this.#buffers) {
      const { last } = buffer;
      if (!last || buffer === this.#lead) {
        continue;
      }
      // The leading track has the file whatever others say of their time: one that is far off is left out, not the picture.
      const seconds = buffer.secondsOf(last.dts);
      if (seconds < leadSeconds - MAX_LAG_SECONDS || seconds > leadSeconds + MAX_SPREAD_SECONDS) {
        buffer.clear();
      } else if (seconds < first.secondsOf(start.dts)) {
        first = buffer;
        start = last;
      }
    }
    const startSeconds = first.secondsOf(start.dts);
    for (const buffer of this.#buffers) {
      buffer.originDts = buffer === first ? start.dts : buffer.ticksOf(startSeconds);
    }
    // Sound from right before the wall clock was set has the old time.
    const wallMs = lead.wall - (this.#lead.secondsOf(lead.pts) - first.secondsOf(start.pts)) * 1000;
    const wasSet = Math.abs(wallMs - start.wall) > MIN_STEP_MS;
    this.#jumps = 0;
    this.#startDts = lead.dts;
    this.#startWall = lead.wall;
    this.#label.begin();
    const mark = {
      streamId: this.#streamId,
      segmentNumber: this.#segmentNumber,
      dtsUs: startSeconds * 1e6,
      wallUs: Math.round((wasSet ? wallMs : start.wall) * 1000),
    };
    this.#segmentNumber += 1;
    this.#writer = this.#owner.open(mark, this.#buffers);
  }

  #applyDescriptions(): void {
    for (const buffer of this.#buffers) {
      buffer.track = buffer.nextTrack ?? buffer.track;
      buffer.nextTrack = undefined;
    }
    if (this.#wantsNewFile || this.#isBroken) {
      this.#wantsNewFile = false;
      this.#isBroken = false;
      this.#renew();
    }
  }

  /** The last samples of a stream have no successor: they are taken to last as long as the ones before. */
  #completeAll(): void {
    for (const buffer of this.#buffers) {
      this.#completeLast(buffer);
    }
  }

  #completeLast(buffer: TrackBuffer): void {
    const { last } = buffer;
    if (last && this.#writer && !this.#isWaiting) {
      buffer.close();
      this.#complete(buffer, last);
    } else {
      buffer.clear();
    }
  }

  #finish(): void {
    const writer = this.#writer;
    if (writer) {
      this.#writePart();
      this.#writer = undefined;
      this.#owner.finish(writer);
    }
  }

  #wait(): void {
    this.#isWaiting = true;
    for (const buffer of this.#buffers) {
      buffer.clear();
      buffer.wantsKey = buffer.track.kind === 'video';
    }
  }

  #renew(): void {
    this.#streamId = newStreamId();
    this.#segmentNumber = 0;
  }
}

const newStreamId = (): string => randomUUID().replaceAll('-', '');
