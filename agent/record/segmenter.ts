import { randomUUID } from 'node:crypto';
import type { Sample } from '../media/sample/sample.ts';
import type { Track } from '../media/sample/track.ts';
import { FILE_DELAY_MS, type Reader } from '../stream/stream.ts';
import type { StreamMark } from './file/stream-mark.ts';
import type { RecordingWriter } from './write/recording-writer.ts';
import { StartLabel } from './write/start-label.ts';
import { leadingTrackOf, TrackBuffer } from './write/track-buffer.ts';

/** Samples of other tracks older than the key sample by this much belong to the previous file. */
const MAX_LAG_SECONDS = 1;
/** Beyond this difference between capture time and stream time, one of the two has jumped. */
const MAX_DRIFT_MS = 5_000;
/** Camera clocks drift by seconds per day: well before a jump is assumed, a new file gets a new label. */
const TOLERATED_DRIFT_MS = MAX_DRIFT_MS / 2;
const JUMPS_TO_START_OVER = 3;
/** If capture time and stream time differ by more than this between two samples, the wall clock was set. */
const MIN_STEP_MS = 1_000;
/** A sample further from the leading track, which may stand still, has a wrong timestamp. */
const MAX_SPREAD_SECONDS = 10;
/** While the picture stands still, sound continues by the wall clock for this long: a file ends at a key sample only. */
const MAX_STILL_MS = 3_600_000;

export interface SegmenterLimits {
  readonly partDurationMs: number;
  readonly maxPartBytes: number;
  readonly segmentDurationMs: number;
  /** Parts hold whole groups of pictures: what a power cut leaves ends with a group, and the next fetch continues there. */
  readonly hasWholeGroups?: boolean;
}

export interface SegmenterOwner {
  /** Asked at a key sample without a file; false while retrying is delayed after a failure. */
  mayOpen(): boolean;
  open(mark: StreamMark, buffers: readonly TrackBuffer[]): RecordingWriter;
  finish(writer: RecordingWriter): void;
  /** Samples were dropped: up to the next key sample, or a single one. */
  dropped(reason: 'slow disk' | 'late sample' | 'jumped timestamp'): void;
  ended(cause?: unknown): void;
}

/**
 * Cuts a stream into parts and files. A file starts with a key sample of the leading track; other tracks continue, so
 * that nothing is lost at a cut. Each track's newest sample is held until its end is known.
 */
export class Segmenter implements Reader {
  readonly id = 'recorder';
  readonly countsHolds = true;
  readonly toleratedDelayMs = FILE_DELAY_MS;
  readonly #buffers: readonly TrackBuffer[];
  readonly #lead: TrackBuffer;
  readonly #limits: SegmenterLimits;
  readonly #owner: SegmenterOwner;
  #writer: RecordingWriter | undefined;
  #streamId = newStreamId();
  #segmentNumber = 0;
  #isWaiting = true;
  #wantsNewFile = false;
  /** The camera's clock jumped: the next file does not continue this one. */
  #isBroken = false;
  #partBytes = 0;
  /** Unix time (ms) and DTS of the first sample of the leading track in the file, the reference for drift. */
  #startWall = 0;
  #startDts = 0;
  #label = new StartLabel();
  /** Consecutive samples of the leading track with jumped timestamps. */
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
      // This file's time continues; the next one is labelled by the new clock.
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

  /** A file has one description per track: the next key sample starts another, which does not continue this one. */
  onTrack(track: number, description: Track): void {
    (this.#buffers[track] as TrackBuffer).nextTrack = description;
    this.#wantsNewFile = true;
    if (!this.#writer) {
      this.#applyDescriptions();
    }
  }

  /** Files before and after a clock jump must not be joined. Audio alone does not count: some microphones are bad. */
  onDiscontinuity(track: number): void {
    this.#isBroken ||= this.#buffers[track] === this.#lead;
  }

  onEnd(cause?: unknown): void {
    this.#completeAll();
    this.#finish();
    this.#isWaiting = true;
    this.#owner.ended(cause);
  }

  /** Writes and flushes everything, so that the lead-up to an event does not wait. */
  flush(): void {
    if (this.#writer) {
      this.#writePart();
      this.#writer?.flush();
    }
  }

  pause(): void {
    this.#completeAll();
    this.#finish();
    this.#renew();
    this.#wait();
  }

  /** The disk rejected the file: the next one does not continue it. */
  abandon(writer: RecordingWriter): void {
    if (this.#writer === writer) {
      this.#writer = undefined;
      this.#partBytes = 0;
      this.#wait();
    }
    this.#renew();
  }

  /** A key sample ends the wait. Audio samples are held: the file may start with one. */
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

  /** How far the wall clock was set between two samples of the leading track; 0: not at all, or stream time jumped. */
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
    const held = this.#lead.last ?? sample;
    const apart = held === sample ? 0 : buffer.secondsOf(sample.dts) - this.#lead.secondsOf(held.dts);
    const still = Math.max(0, Math.min(sample.wall - held.wall, MAX_STILL_MS)) / 1000;
    return Math.abs(apart) > MAX_SPREAD_SECONDS && Math.abs(apart - still) > MAX_SPREAD_SECONDS;
  }

  /** Drops a single wrong timestamp. After several in a row, old and new samples have no common time. */
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

  #complete(buffer: TrackBuffer, sample: Sample): void {
    if (sample.dts < buffer.originDts) {
      // Audio right before the first frame belongs to no file. That is normal, so it is not counted as dropped.
      buffer.drop(1);
      if (buffer.secondsOf(buffer.originDts - sample.dts) > MAX_LAG_SECONDS) {
        this.#owner.dropped('late sample');
      }
      return;
    }
    this.#partBytes += sample.data.length;
    const partTicks = buffer.wholeTicks;
    const { clockRate } = buffer.track;
    // Longest first part while a camera sends its cached burst.
    const isInBurst = this.#label.isInBurst && partTicks < 10 * clockRate;
    const isLong = partTicks * 1000 >= this.#limits.partDurationMs * clockRate;
    const mayCut = !isInBurst && !this.#limits.hasWholeGroups;
    if ((isLong && mayCut) || this.#partBytes >= this.#limits.maxPartBytes) {
      this.#writePart();
    }
  }

  #writePart(): void {
    const writer = this.#writer;
    this.#partBytes = 0;
    if (writer && this.#label.finish()) {
      // The file is created with its first part.
      const { mark } = writer;
      writer.mark = { ...mark, wallUs: mark.wallUs - Math.round(this.#label.earlierMs * 1000) };
    }
    if (writer && !writer.writePart()) {
      this.#owner.dropped('slow disk');
      this.#wait();
    }
  }

  /** A key sample starts the next part if the current one is half full: players start at part boundaries. */
  #alignPart(): void {
    const { wholeTicks, track } = this.#lead;
    if (!this.#label.isInBurst && wholeTicks * 2000 >= this.#limits.partDurationMs * track.clockRate) {
      this.#writePart();
    }
  }

  /** At a held key sample of the leading track: ends the file if it is long enough, or if its time has drifted. */
  #cutAt(sample: Sample): void {
    if (this.#isWaiting) {
      return;
    }
    const ticks = sample.dts - this.#startDts;
    const isLongEnough = ticks * 1000 >= this.#limits.segmentDurationMs * this.#lead.track.clockRate;
    // Limits how often files of a camera with a jumping clock are cut.
    const isBroken = this.#isBroken && ticks >= 10 * this.#lead.track.clockRate;
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
      this.#renew();
      this.#wait();
    } else if (this.#isWaiting) {
      this.#wait();
      this.#join(this.#lead, sample);
    } else {
      this.#begin();
    }
  }

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
      // The leading track determines the file: a track with a time far off is left out.
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
    // Audio from right before the clock was set has the old time.
    const wallMs = lead.wall - (this.#lead.secondsOf(lead.pts) - first.secondsOf(start.pts)) * 1000;
    const wasSet = Math.abs(wallMs - start.wall) > MIN_STEP_MS;
    this.#jumps = 0;
    this.#startDts = lead.dts;
    this.#startWall = lead.wall;
    this.#label = new StartLabel();
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

  /** The last samples of a stream have no successor: they get the duration of their predecessors. */
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
