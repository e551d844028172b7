import type { Clock } from '../../../base/clock.ts';
import { codecString } from '../../../media/codecs.ts';
import type { TrackRun } from '../../../media/mp4/write/fragment.ts';
import { writeInit } from '../../../media/mp4/write/init.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { release } from '../../../media/sample/slab.ts';
import type { Track } from '../../../media/sample/track.ts';
import { binaryHead, textFrame } from '../../../media/websocket/frames.ts';
import type { Reader, Stream } from '../../../stream/stream.ts';
import { FragmentGroup, type FragmentSink } from './fragment-group.ts';
import { FragmentWriter, type LiveFragment } from './live-fragment.ts';
import type { MseClock } from './mse-protocol.ts';
import { TrackFragmenter } from './track-fragmenter.ts';

/**
 * An early arrival counts for one to two times this long. A camera clock that drifts by 0.1 ms per second is then off
 * by 1 ms at most.
 */
const MEMORY_MS = 5_000;

/**
 * Maps media time to capture time, by the earliest of the recent arrivals. A single arrival is wrong by its delay and,
 * with B-frames (ISO/IEC 14496-10), by the reordering.
 */
export class CaptureClock {
  /** Minimum of Unix milliseconds minus media time in the current and the previous interval. */
  #minMs = Number.POSITIVE_INFINITY;
  #formerMs = Number.POSITIVE_INFINITY;
  #stretchMs: number | undefined;

  /** @param mediaS presentation time @param wallMs arrival, Unix milliseconds @param nowMs monotonic */
  onArrival(mediaS: number, wallMs: number, nowMs: number): void {
    this.#stretchMs ??= nowMs;
    const sinceMs = nowMs - this.#stretchMs;
    if (sinceMs >= MEMORY_MS) {
      // Values before a pause of the camera are no longer valid.
      this.#formerMs = sinceMs < 2 * MEMORY_MS ? this.#minMs : Number.POSITIVE_INFINITY;
      this.#minMs = Number.POSITIVE_INFINITY;
      this.#stretchMs = nowMs;
    }
    this.#minMs = Math.min(this.#minMs, wallMs - mediaS * 1000);
  }

  /** Unix milliseconds. Valid after the first arrival. */
  captureMs(mediaS: number): number {
    return Math.round(Math.min(this.#minMs, this.#formerMs) + mediaS * 1000);
  }
}

export interface LiveInit {
  readonly tracks: readonly Track[];
  /** `video/mp4; codecs="…"` */
  readonly mimeCodec: string;
  /** A WebSocket message: frame header, `ftyp`, `moov`. */
  readonly message: Buffer;
  /** Size of the frame header. */
  readonly headBytes: number;
}

/** A receiver of fragments. Called synchronously; it never blocks, but queues within its limit or drops. */
export interface FragmentViewer extends FragmentSink {
  /**
   * Called before the first fragment, and before a key fragment that needs a new init segment.
   * @param startS media time of decoding, in seconds
   * @param liveS media time of the newest frame that follows at once
   */
  onInit(init: LiveInit, startS: number, liveS: number): void;
  /** A WebSocket message with the capture time, after `onInit` and once a second. */
  onClock(message: Buffer): void;
  /** The stream has ended, or the viewer or the fragmenter threw `cause`. */
  onEnd(cause?: unknown): void;
}

/** Added to all times: audio slightly older than the first video frame needs a positive time. */
const TIME_OFFSET_S = 10;
/** Audio waits this long for the next video frame, to share its fragment. */
const SOUND_WAITS_S = 0.04;
/** Duration of audio in a fragment without video: most codecs' frames alone, the shortest ones together. */
const SOUND_ALONE_S = 0.02;
const CLOCK_EVERY_MS = 1_000;

/**
 * Tracks of a stream as fragmented MP4, one fragment per video frame, shared by all viewers. Runs only while it has
 * viewers.
 */
export class LiveFragments implements Reader {
  readonly id = 'live-fragments';
  readonly isAudience = false;
  /** Samples are held until they are copied into fragments. */
  readonly countsHolds = true;
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #onIdle: () => void;
  readonly #writer = new FragmentWriter();
  readonly #group = new FragmentGroup();
  readonly #capture = new CaptureClock();
  readonly #fragmenters: readonly TrackFragmenter[];
  /** Fragmenters by track of the stream, or undefined if left out. */
  readonly #fragmenterOf: readonly (TrackFragmenter | undefined)[];
  readonly #leading: TrackFragmenter | undefined;
  #init: LiveInit | undefined;
  #hasOrigin = false;
  /** Decode time at the start of the GOP, in seconds of media time. */
  #groupStartS = 0;
  /** Decode time of the newest video frame, in seconds of media time. */
  #pictureS = 0;
  /** Samples are dropped until the next key frame. */
  #needsKey = true;
  #clockMs = Number.NEGATIVE_INFINITY;
  #state: 'new' | 'reading' | 'over' = 'new';
  // Copied on change: delivery iterates a plain array while viewers join and leave.
  #viewers: readonly FragmentViewer[] = [];
  /** Viewers that start at the next key frame. */
  #waiting: readonly FragmentViewer[] = [];

  /**
   * @param stream a container stream
   * @param tracks sent track numbers
   * @param onIdle the stream has ended or the last viewer has left
   */
  constructor(stream: Stream, tracks: readonly number[], clock: Clock, onIdle: () => void) {
    this.#stream = stream;
    this.#clock = clock;
    this.#onIdle = onIdle;
    this.#fragmenters = tracks.map((track, i) => new TrackFragmenter(i, stream.tracks[track] as Track));
    this.#fragmenterOf = stream.tracks.map((_, i) => this.#fragmenters[tracks.indexOf(i)]);
    this.#leading = this.#fragmenters.find(({ track }) => track.kind === 'video');
  }

  /** Size of what a new viewer gets at once. */
  get groupBytes(): number {
    return this.#group.bytes;
  }

  /**
   * Sends a viewer everything since the last key frame, then each new fragment. Without a cached GOP it starts at the
   * next key frame.
   */
  join(viewer: FragmentViewer): void {
    if (this.#state === 'new') {
      this.#state = 'reading';
      this.#stream.addReader(this, true);
    }
    if (this.#state !== 'reading') {
      viewer.onEnd();
      return;
    }
    const { first, newest } = this.#group;
    if (!first || !newest) {
      this.#waiting = [...this.#waiting, viewer];
      this.#stream.requestKeyFrame();
      return;
    }
    this.#viewers = [...this.#viewers, viewer];
    try {
      this.#greet(viewer, newest);
      this.#group.replay(viewer);
    } catch (cause) {
      this.#disconnect(viewer, cause);
    }
  }

  leave(viewer: FragmentViewer): void {
    this.#viewers = this.#viewers.filter((other) => other !== viewer);
    this.#waiting = this.#waiting.filter((other) => other !== viewer);
    if (this.#viewers.length + this.#waiting.length === 0 && this.#state === 'reading') {
      this.#stream.removeReader(this);
      this.#finish();
    }
  }

  onSample(track: number, sample: Sample): void {
    const fragmenter = this.#fragmenterOf[track];
    if (!fragmenter || sample.data.length === 0) {
      return;
    }
    if (fragmenter === this.#leading) {
      this.#onPicture(fragmenter, sample);
    } else if (!this.#leading) {
      this.#onSound(fragmenter, sample, SOUND_ALONE_S);
    } else if (!this.#needsKey && !fragmenter.isStale) {
      this.#onSound(fragmenter, sample, SOUND_WAITS_S);
    }
  }

  onTrack(track: number, description: Track): void {
    const fragmenter = this.#fragmenterOf[track];
    if (!fragmenter) {
      return;
    }
    this.#sendSound();
    fragmenter.describe(description);
    fragmenter.isStale = true;
    this.#needsKey ||= fragmenter === this.#leading;
    this.#init = undefined;
    this.#group.clear();
  }

  onEnd(cause?: unknown): void {
    const viewers = [...this.#viewers, ...this.#waiting];
    this.#viewers = [];
    this.#waiting = [];
    this.#finish();
    for (const viewer of viewers) {
      viewer.onEnd(cause);
    }
  }

  #finish(): void {
    this.#state = 'over';
    this.#group.clear();
    for (const fragmenter of this.#fragmenters) {
      fragmenter.clear();
    }
    this.#onIdle();
  }

  #onPicture(fragmenter: TrackFragmenter, sample: Sample): void {
    if (this.#needsKey && !sample.key) {
      return;
    }
    this.#setOrigin(sample.dts / fragmenter.track.clockRate);
    this.#pictureS = (sample.dts - fragmenter.originDts) / fragmenter.track.clockRate;
    for (const other of this.#fragmenters) {
      if (other !== fragmenter && !other.isStale) {
        other.fill(this.#pictureS);
      }
    }
    if (sample.key) {
      // Earlier audio belongs to the previous GOP.
      this.#sendSound();
      this.#needsKey = false;
    }
    if (fragmenter.append(sample)) {
      this.#send(sample.key);
    }
  }

  /** @param waitsS how long it may wait for the fragment it shares */
  #onSound(fragmenter: TrackFragmenter, sample: Sample, waitsS: number): void {
    this.#setOrigin(sample.dts / fragmenter.track.clockRate);
    fragmenter.onHeard(this.#pictureS);
    if (sample.dts < fragmenter.originDts || fragmenter.isFilled(sample) || !fragmenter.append(sample)) {
      return;
    }
    const isOld = this.#leading && (sample.dts - fragmenter.originDts) / fragmenter.track.clockRate < this.#groupStartS;
    // Audio older than the GOP's key frame is a separate fragment: players that start there skip it.
    if (isOld || (this.#leading ? fragmenter.pendingS > waitsS : fragmenter.pendingS >= waitsS)) {
      this.#sendSound();
    }
  }

  #sendSound(): void {
    for (const fragmenter of this.#fragmenters) {
      if (fragmenter.count > 0) {
        this.#send(!this.#leading);
        return;
      }
    }
  }

  /** Writes all pending samples as one fragment. */
  #send(isKey: boolean): void {
    const runs: TrackRun[] = [];
    let first: TrackFragmenter | undefined;
    let sample: Sample | undefined;
    for (const fragmenter of this.#fragmenters) {
      if (fragmenter.count > 0) {
        if (!first || fragmenter === this.#leading) {
          first = fragmenter;
          sample = fragmenter.first;
        }
        runs.push(fragmenter.take(fragmenter.count, fragmenter.endDts));
      }
    }
    if (!first || !sample) {
      return;
    }
    const mediaS = (sample.pts - first.originDts) / first.track.clockRate;
    const hasVideo = first === this.#leading;
    const fragment = this.#writer.write(runs, { isKey, hasVideo, mediaS, wallMs: sample.wall });
    if (isKey) {
      this.#groupStartS = (sample.dts - first.originDts) / first.track.clockRate;
    }
    this.#deliver(fragment);
  }

  #setOrigin(decodeS: number): void {
    if (!this.#hasOrigin) {
      this.#hasOrigin = true;
      for (const fragmenter of this.#fragmenters) {
        fragmenter.originDts = Math.round((decodeS - TIME_OFFSET_S) * fragmenter.track.clockRate);
      }
    }
  }

  #deliver(fragment: LiveFragment): void {
    const nowMs = this.#clock.monoMs();
    if (fragment.hasVideo || !this.#leading) {
      this.#capture.onArrival(fragment.mediaS, fragment.wallMs, nowMs);
    }
    if (fragment.isKey) {
      this.#begin(fragment);
    }
    this.#group.add(fragment);
    const clock = nowMs - this.#clockMs >= CLOCK_EVERY_MS ? this.#clockOf(fragment) : undefined;
    if (clock) {
      this.#clockMs = nowMs;
    }
    const viewers = this.#viewers;
    let isKept = false;
    for (let i = 0; i < viewers.length; i += 1) {
      const viewer = viewers[i] as FragmentViewer;
      try {
        if (clock) {
          viewer.onClock(clock);
        }
        isKept = viewer.onFragment(fragment) || isKept;
      } catch (cause) {
        isKept = true;
        this.#disconnect(viewer, cause);
      }
    }
    if (!isKept) {
      release(fragment.message);
    }
  }

  /** A key frame, or any fragment without video: waiting viewers start here, and a new init segment applies. */
  #begin(fragment: LiveFragment): void {
    if (this.#leading) {
      this.#group.open();
    }
    const joining = this.#waiting;
    const greeted = this.#init === undefined ? [...this.#viewers, ...joining] : joining;
    this.#waiting = [];
    if (joining.length > 0) {
      this.#viewers = [...this.#viewers, ...joining];
    }
    if (greeted.length === this.#viewers.length) {
      this.#clockMs = this.#clock.monoMs();
    }
    for (const viewer of greeted) {
      try {
        this.#greet(viewer, fragment);
      } catch (cause) {
        this.#disconnect(viewer, cause);
      }
    }
  }

  /** @param newest of the fragments that follow at once */
  #greet(viewer: FragmentViewer, newest: LiveFragment): void {
    this.#init ??= this.#makeInit();
    viewer.onInit(this.#init, this.#groupStartS, newest.mediaS);
    viewer.onClock(this.#clockOf(newest));
  }

  #makeInit(): LiveInit {
    const tracks = this.#fragmenters.map(({ track }) => track);
    for (const fragmenter of this.#fragmenters) {
      fragmenter.isStale = false;
    }
    const segment = writeInit(tracks);
    const head = binaryHead(segment.length);
    const codecs = tracks.map((track) => codecString(track) ?? '').join(',');
    const kind = this.#leading ? 'video' : 'audio';
    return {
      tracks,
      mimeCodec: `${kind}/mp4; codecs="${codecs}"`,
      message: Buffer.concat([head, segment]),
      headBytes: head.length,
    };
  }

  #clockOf({ mediaS }: LiveFragment): Buffer {
    const message: MseClock = {
      type: 'clock',
      mediaS,
      captureMs: this.#capture.captureMs(mediaS),
      nowMs: this.#clock.wallMs(),
    };
    return Buffer.from(textFrame(JSON.stringify(message)));
  }

  #disconnect(viewer: FragmentViewer, cause: unknown): void {
    this.leave(viewer);
    viewer.onEnd(cause);
  }
}
