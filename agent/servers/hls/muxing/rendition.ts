import { codecString } from '../../../media/codecs.ts';
import { writeInit } from '../../../media/mp4/write/init.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { Track } from '../../../media/sample/track.ts';
import type {
  HlsRendition,
  MediaFile,
  MediaPlaylist,
  MuxerOptions,
  PlaylistEnd,
  RunningSegment,
  SegmentLine,
} from '../contracts/hls-muxer.ts';
import { isRare } from './muxable.ts';
import { Part } from './part.ts';
import { PartMemory } from './part-memory.ts';
import { PartTarget } from './part-target.ts';
import { PendingSamples } from './pending-samples.ts';
import { PlaylistChange } from './playlist-change.ts';
import { Segment } from './segment.ts';
import type { SegmentClock } from './segment-clock.ts';
import { FIRST_SEGMENT_NUMBER, SegmentList } from './segment-list.ts';

/** How a segment ends. */
interface SegmentEnd {
  /** Number of pending samples in it; the rest start the next one. */
  readonly count: number;
  /** End of the last sample, or undefined to take the start of the rest, else the usual interval. */
  readonly endDts: number | undefined;
  /** Duration of the segment if it has no samples. */
  readonly spanS: number;
  /** The next segment is discontinuous. */
  readonly nextIsDiscontinuous: boolean;
  readonly targetDurationS: number;
}

/** Fragment duration in segments without parts: releases the memory of samples early. */
const FRAGMENT_MS = 1000;
/**
 * In the first segment: hls.js loads the parts of a whole segment again if it has not loaded all of them before the
 * next playlist.
 */
const MAX_FIRST_PARTS = 7;
/** Assumed sample interval of a track with a single sample. */
const UNKNOWN_SAMPLE_MS = 20;

/** The segment in the making. */
class RunningParts {
  readonly parts: Part[] = [];
  bytes = 0;
  wallMs = 0;
  startDts = 0;
  endDts = 0;
}

/**
 * One track as a media playlist: makes parts of samples and ends segments where the muxer says. The first segment,
 * which may come from the cached GOP, determines the part duration.
 */
export class Rendition implements HlsRendition {
  readonly name: string;
  /** Samples that are not in a part yet. */
  readonly pending: PendingSamples;
  readonly #options: MuxerOptions;
  readonly #clock: SegmentClock;
  readonly #isParted: boolean;
  readonly #segments: SegmentList<Segment>;
  readonly #memory = new PartMemory();
  readonly #change = new PlaylistChange();
  /** Files by name. */
  readonly #files = new Map<string, MediaFile>();
  #nextTrack: Track | undefined;
  #init: MediaFile;
  #initCount = 0;
  /** Fixed at the end of the first segment. */
  readonly #partTarget: PartTarget;
  #running = new RunningParts();
  #startsDiscontinuity: boolean;
  #nextNumber: number;
  #nextPart = 0;
  #fragments = 0;
  #targetDurationS = 1;
  #listed: readonly SegmentLine[] = [];
  #isAllIndependent = true;
  #playlist: MediaPlaylist | undefined;

  /** @param name kind and number: `video1`, `audio2` */
  constructor(name: string, track: Track, options: MuxerOptions, clock: SegmentClock) {
    this.name = name;
    this.#options = options;
    this.#clock = clock;
    this.pending = new PendingSamples(track);
    this.#isParted = options.variant === 'lowLatency';
    this.#partTarget = new PartTarget(this.#isParted ? options.partDurationMs : FRAGMENT_MS);
    const { continues } = options;
    this.#startsDiscontinuity = continues !== undefined;
    this.#nextNumber = continues?.nextNumber ?? FIRST_SEGMENT_NUMBER;
    this.#segments = new SegmentList<Segment>(options.segmentCount, continues?.discontinuities);
    this.#init = this.#makeInit();
  }

  get track(): Track {
    return this.pending.track;
  }

  get kind(): 'video' | 'audio' {
    return this.track.kind === 'video' ? 'video' : 'audio';
  }

  get codecs(): readonly string[] {
    return [codecString(this.track) ?? ''];
  }

  get isRare(): boolean {
    return isRare(this.track);
  }

  get picture() {
    const { track } = this;
    return track.kind === 'video' ? track : undefined;
  }

  get playlist(): MediaPlaylist | undefined {
    return this.#playlist;
  }

  get nextPartName(): string | undefined {
    return this.#playlist?.running?.nextPartName;
  }

  /** Size of the current segment. */
  get runningBytes(): number {
    return this.#running.bytes + this.pending.bytes;
  }

  /** Whether a new description waits for the next discontinuity. Until then samples are dropped. */
  get awaitsSegment(): boolean {
    return this.#nextTrack !== undefined;
  }

  /** The segment in the making counts if parts of it are listed: hls.js finds the next stream only by the number after its last one. */
  get playlistEnd(): PlaylistEnd {
    const isBegun = (this.#playlist?.running?.parts.length ?? 0) > 0;
    return {
      nextNumber: this.#nextNumber + (isBegun ? 1 : 0),
      discontinuities: this.#segments.discontinuities + (isBegun && this.#startsDiscontinuity ? 1 : 0),
    };
  }

  changed(): Promise<void> {
    return this.#change.wait();
  }

  bitRate(): { peak: number; average: number } {
    return this.#segments.bitRate();
  }

  file(name: string): MediaFile | undefined {
    return this.#files.get(name);
  }

  /** New parameter sets: they apply at once before the first sample, else from the next discontinuity on. */
  describe(track: Track): 'done' | 'needsSegment' {
    this.#nextTrack = track;
    if (this.pending.count > 0 || this.#playlist) {
      return 'needsSegment';
    }
    this.#applyNextTrack();
    return 'done';
  }

  /** Makes full parts. @param untilDts the earliest possible end of the segment: no part crosses it */
  closeParts(untilDts: number): void {
    const before = this.#fragments;
    this.#closeFull(Number.POSITIVE_INFINITY, untilDts);
    if (this.#isParted && this.#fragments > before) {
      this.#publish();
    }
  }

  closeSegment(end: SegmentEnd): void {
    this.#targetDurationS = end.targetDurationS;
    if (this.#partTarget.ms === 0 && end.count > 0) {
      this.#partTarget.fix(this.#firstSampleMs());
    }
    const rest = end.count - this.#closeFull(end.count, Number.POSITIVE_INFINITY);
    if (rest > 0) {
      this.#closeRest(rest, end.endDts);
    }
    if (this.#running.parts.length > 0 || this.#playlist) {
      this.#endSegment(end.spanS);
    }
    // The number grows for a rendition without samples as well, so that equal numbers mean equal times in all renditions.
    this.#nextNumber += 1;
    this.#startsDiscontinuity = end.nextIsDiscontinuous;
    if (end.nextIsDiscontinuous) {
      this.#applyNextTrack();
    }
    if (this.#segments.last) {
      this.#publish();
    }
  }

  /** Drops everything. */
  end(): void {
    this.pending.clear();
    for (const held of [...this.#running.parts.splice(0), ...this.#segments.clear()]) {
      held.release();
    }
    this.#memory.close();
    this.#files.clear();
    this.#change.end();
  }

  /** @param count samples that may go into parts; the last part ends with the segment @returns how many did */
  #closeFull(count: number, untilDts: number): number {
    if (this.#partTarget.ms === 0) {
      return 0;
    }
    const isPicture = this.track.kind === 'video';
    let taken = 0;
    for (;;) {
      const next = this.pending.nextPart(this.#targetTicks, isPicture);
      const endDts = this.pending.at(next)?.dts ?? 0;
      if (next === 0 || taken + next >= count || endDts > untilDts) {
        return taken;
      }
      this.#closePart(next, endDts);
      taken += next;
    }
  }

  /** The rest of a segment: one part, or two if the last sample makes it too long. */
  #closeRest(count: number, knownEndDts: number | undefined): void {
    const first = this.pending.first as Sample;
    const last = this.pending.at(count - 1) as Sample;
    const endDts = knownEndDts ?? this.pending.endDtsOf(count);
    if (count > 1 && endDts - first.dts > this.#targetTicks) {
      this.#closePart(count - 1, last.dts);
      this.#closePart(1, endDts);
    } else {
      this.#closePart(count, endDts);
    }
  }

  get #targetTicks(): number {
    return Math.floor((this.#partTarget.ms * this.track.clockRate) / 1000);
  }

  #closePart(count: number, endDts: number): void {
    const run = this.pending.take(count, endDts);
    const { clockRate } = this.track;
    const running = this.#running;
    if (running.parts.length === 0) {
      const first = run.samples[0] as Sample;
      running.wallMs = this.#clock.wallMsOf(first, clockRate, this.kind);
      running.startDts = first.dts;
    }
    running.endDts = endDts;
    this.#fragments += 1;
    const content = { name: this.#partName, type: this.#init.type, sequence: this.#fragments, clockRate, run };
    const part = new Part(content, this.#memory);
    if (this.#isParted) {
      this.#nextPart += 1;
      this.#partTarget.made(part.durationS * 1000);
      this.#files.set(part.name, part);
    }
    if (running.parts.length === 0 && !part.isIndependent) {
      this.#isAllIndependent = false;
    }
    running.parts.push(part);
    running.bytes += part.sizeBytes;
  }

  /** Makes a segment of the parts; without any it is a gap. */
  #endSegment(spanS: number): void {
    const { parts, wallMs, startDts, endDts } = this.#running;
    const isGap = parts.length === 0;
    const last = this.#segments.last?.line;
    const facts = {
      number: this.#nextNumber,
      name: this.#fileName(isGap ? 'gap' : `seg${this.#nextNumber}`),
      durationS: isGap ? spanS : (endDts - startDts) / this.track.clockRate,
      wallMs: isGap && last ? last.wallMs + last.durationS * 1000 : wallMs,
      isDiscontinuity: this.#startsDiscontinuity,
      isIndependent: isGap || parts[0]?.isIndependent === true,
      isGap,
    };
    const segment = new Segment(facts, this.#init, parts, this.#isOffered(parts) ? parts : []);
    if (!isGap) {
      this.#files.set(segment.name, segment);
    }
    this.#running = new RunningParts();
    for (const old of this.#segments.append(segment, this.#targetDurationS)) {
      this.#forget(old);
    }
    this.#listed = this.#segments.listed();
    this.#refitParts(segment.line.number);
  }

  /** The first segment is offered whole if it is long: no player has waited for its parts. */
  #isOffered(parts: readonly Part[]): boolean {
    return this.#isParted && (this.#playlist !== undefined || parts.length <= MAX_FIRST_PARTS);
  }

  #forget(segment: Segment): void {
    this.#files.delete(segment.name);
    for (const { name } of segment.parts) {
      this.#files.delete(name);
    }
    if (segment.init !== this.#init && !this.#segments.isInUse(segment.init)) {
      this.#files.delete(segment.init.name);
    }
    segment.release();
  }

  #publish(): void {
    this.#playlist = {
      targetDurationS: this.#targetDurationS,
      partTargetS: this.#isParted ? this.#partTarget.announcedMs / 1000 : undefined,
      partHoldBackS: this.#isParted ? this.#partTarget.nextHoldBackMs() / 1000 : undefined,
      discontinuitySequence: this.#segments.discontinuitySequence,
      segments: this.#listed,
      running: this.#isParted ? this.#runningSegment() : undefined,
      claimsIndependence: this.#isAllIndependent,
    };
    this.#change.happened();
  }

  #runningSegment(): RunningSegment {
    return {
      number: this.#nextNumber,
      wallMs: this.#running.wallMs,
      init: this.#init,
      isDiscontinuity: this.#startsDiscontinuity,
      parts: this.#running.parts.slice(),
      nextPartName: this.#partName,
    };
  }

  #firstSampleMs(): number {
    const ticks = this.pending.typicalTicks() || this.pending.usualTicks;
    return (ticks * 1000) / this.track.clockRate || UNKNOWN_SAMPLE_MS;
  }

  /** Called after the end of a segment: the next one may have another part duration. */
  #refitParts(number: number): void {
    const firstParted = this.#listed.find(({ parts }) => parts.length > 0);
    this.#partTarget.segmentEnded(number, firstParted?.number ?? number + 1);
    const steady = this.pending.steadyInterval();
    if (steady && this.kind === 'video' && this.#isParted) {
      this.#partTarget.refit(steady, this.track.clockRate);
    }
  }

  #applyNextTrack(): void {
    if (this.#nextTrack) {
      const old = this.#init;
      this.pending.describe(this.#nextTrack);
      this.#nextTrack = undefined;
      this.#init = this.#makeInit();
      if (!this.#segments.isInUse(old)) {
        this.#files.delete(old.name);
      }
    }
  }

  #makeInit(): MediaFile {
    const bytes = writeInit([this.track]);
    const name = this.#fileName(this.#initCount === 0 ? 'init' : `init${this.#initCount}`);
    this.#initCount += 1;
    // An init file is not in a slab, so the garbage collector frees it.
    const init: MediaFile = {
      name,
      type: `${this.kind}/mp4`,
      pieces: [bytes],
      sizeBytes: bytes.length,
      hold: () => {},
      release: () => {},
    };
    this.#files.set(name, init);
    return init;
  }

  get #partName(): string {
    return this.#fileName(`part${this.#nextPart}`);
  }

  #fileName(suffix: string): string {
    return `${this.#options.prefix}_${this.name}_${suffix}.mp4`;
  }
}
