import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { release } from '../../media/sample/slab.ts';
import type { Track } from '../../media/sample/track.ts';
import type { StreamSink } from '../contracts.ts';
import type { Stream } from '../stream.ts';
import { brokenPicture, type InboundTrack, isRelayed, type UnitOutput } from './inbound-track.ts';
import type { Timeline } from './timeline.ts';

interface StreamWriterTimes {
  /** The stream opens without audio after this long: microphones may be off. */
  readonly soundMs: number;
  /** The stream opens without a video track that has sent no packet for this long; not before `soundMs`. */
  readonly pictureMs: number;
}

/** Longest delay of the other tracks by a missing video track, or one without a description. */
const MISSING_MS = 20_000;
const CAMERA_TIMES: StreamWriterTimes = { soundMs: 5_000, pictureMs: MISSING_MS };
/** Limit of units kept until the stream opens; beyond this, units before the newest key picture are dropped. */
const HELD_BYTES = 16 << 20;
const HELD_UNITS = 4_000;
/** How much older than its newest packet the first unit of a track may be (B-frames). */
const MARGIN_MS = 1_000;

interface HeldUnit {
  readonly receiver: InboundTrack;
  readonly ptsTicks: number;
  readonly dtsTicks: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

/** A track of the open stream. */
interface OutputTrack {
  readonly index: number;
  lastDts: number;
  /** Jumps of its clock reported to the stream. */
  jumps: number;
}

/** Keeps the units of a connection until all tracks are known, then opens the stream and writes to it. */
export class StreamWriter implements UnitOutput {
  readonly #sink: StreamSink;
  readonly #timeline: Timeline;
  readonly #receivers: readonly InboundTrack[];
  readonly #name: string;
  readonly #subject: string;
  readonly #log: Logger;
  readonly #times: StreamWriterTimes;
  readonly #heard = new Set<InboundTrack>();
  readonly #outputs = new Map<InboundTrack, OutputTrack>();
  #held: HeldUnit[] = [];
  #heldBytes = 0;
  #damage = 0;
  /** Why the connection has to begin again. */
  #restart: string | undefined;
  #wasComplete = false;
  /** Start of the wait for missing tracks, monotonic. */
  #waitsFromMs: number | undefined;
  /** The tracks of the stream and those that came after it had opened, with which it is reopened. Empty: none came. */
  #next: readonly InboundTrack[] = [];
  #stream: Stream | undefined;
  /** Called before a reader is added that tolerates no delay. */
  onUrgentReader: (() => void) | undefined;

  /**
   * @param receivers filled by the owner before the first packet
   * @param name of the path, for messages
   * @param sender of the media, for messages
   * @param times how long to wait for missing tracks
   */
  constructor(
    sink: StreamSink,
    timeline: Timeline,
    receivers: readonly InboundTrack[],
    name: string,
    log: Logger,
    sender: 'camera' | 'publisher' | 'sender' = 'camera',
    times: StreamWriterTimes = CAMERA_TIMES,
  ) {
    this.#sink = sink;
    this.#timeline = timeline;
    this.#receivers = receivers;
    this.#name = name;
    this.#subject = `${sender} of path '${name}'`;
    this.#log = log;
    this.#times = times;
  }

  /** The stream has opened without this track. */
  hasLeftOut(receiver: InboundTrack): boolean {
    return this.#stream !== undefined && !this.#outputs.has(receiver);
  }

  /** Sets the start of the wait for missing tracks. @param ms monotonic */
  waitFrom(ms: number): void {
    this.#waitsFromMs = ms;
  }

  /** Delay that all readers of the stream tolerate; 0 before it is open. */
  get toleratedDelayMs(): number {
    return this.#stream?.toleratedDelayMs ?? 0;
  }

  onUnit(receiver: InboundTrack, ptsTicks: number, dtsTicks: number, key: boolean, data: Uint8Array): void {
    const stream = this.#stream;
    if (stream && !this.#isReopenedBy(stream, receiver, key)) {
      this.#write(stream, receiver, ptsTicks, dtsTicks, key, data);
      return;
    }
    this.#hold({ receiver, ptsTicks, dtsTicks, key, data });
    this.#heard.add(receiver);
    if (stream || (this.#isComplete && !this.#timeline.isInBurst)) {
      this.#open(stream ? this.#next : this.#receivers);
    }
  }

  get #isComplete(): boolean {
    return this.#receivers.every((receiver) => receiver.track && (this.#heard.has(receiver) || isRelayed(receiver)));
  }

  onTrack(receiver: InboundTrack, track: Track): void {
    const output = this.#outputs.get(receiver);
    const stream = this.#stream;
    if (!output || !stream) {
      return;
    }
    const { clockRate, codec } = stream.tracks[output.index] as Track;
    if (track.clockRate === clockRate && track.codec === codec) {
      stream.setTrack(output.index, track);
      return;
    }
    // Readers have the former codec, and count the times of the track in its former clock rate, so the connection begins again.
    const change =
      track.codec === codec
        ? `the clock rate of ${receiver.encoding} from ${clockRate} to ${track.clockRate} Hz`
        : `a track from ${codec} to ${track.codec}`;
    this.#restart ??= `has changed ${change}: starting again with it`;
    this.#outputs.delete(receiver);
  }

  onDamage(receiver: InboundTrack, reason: string): void {
    this.#log.debug({ codec: receiver.encoding, reason }, 'frame in error');
    if (this.#stream) {
      this.#stream.framesInError += 1;
    } else {
      this.#damage += 1;
    }
  }

  onStray(receiver: InboundTrack, reason: string): void {
    this.#log.warn({ codec: receiver.encoding, reason }, 'packets are left out');
  }

  /** Decoding cannot continue without a key frame. */
  requestKeyFrame(): void {
    this.#stream?.requestKeyFrame();
  }

  /**
   * Called at intervals: ends the wait for missing tracks. It begins with the first packet, since a source that listens waits for its
   * sender, unless `waitFrom` names an earlier time.
   *
   * @param nowMs monotonic
   * @throws PerchError to restart
   */
  check(nowMs: number): void {
    if (this.#restart !== undefined) {
      throw new PerchError('unavailable', `${this.#subject} ${this.#restart}`, { path: this.#name });
    }
    if (!this.#stream && this.#isComplete) {
      // Waits for the end of a burst for at most one interval.
      if (this.#wasComplete) {
        this.#open(this.#receivers);
      }
      this.#wasComplete = true;
    }
    const begun = this.#receivers.filter(({ packets }) => packets > 0);
    if (this.#stream || begun.length === 0) {
      return;
    }
    this.#waitsFromMs ??= Math.min(...begun.map(({ lastPacketMs }) => lastPacketMs));
    const playingMs = nowMs - this.#waitsFromMs;
    const { soundMs, pictureMs } = this.#times;
    if (playingMs < soundMs) {
      return;
    }
    const ready = this.#receivers.filter((receiver) => receiver.track && (receiver.packets > 0 || isRelayed(receiver)));
    const isHopeless = ({ packets, isVideo }: InboundTrack) =>
      playingMs >= MISSING_MS || (packets === 0 && playingMs >= (isVideo ? pictureMs : soundMs));
    const missing = this.#receivers.filter((receiver) => !ready.includes(receiver));
    if (!ready.every(isRelayed) && missing.every(isHopeless)) {
      for (const { encoding, packets, damage } of missing.filter(isAnnounced)) {
        this.#log.warn({ codec: encoding, packets, reason: damage }, 'track does not deliver and is left out');
      }
      this.#open(ready);
    }
  }

  /**
   * Called at intervals.
   * @param silentMs time since the last media
   * @param readTimeoutMs a picture that is missing for longer while audio arrives has stopped
   * @throws PerchError if the picture has stopped, or its packets never form a complete one, even if audio arrives
   */
  checkPictures(nowMs: number, startedMs: number, silentMs = 0, readTimeoutMs = Number.POSITIVE_INFINITY): void {
    for (const receiver of this.#receivers) {
      if (!receiver.isVideo || receiver.packets === 0 || this.hasLeftOut(receiver)) {
        continue;
      }
      // When all media stops at once, the last audio is slightly newer than the last picture: that is not audio alone.
      const isSoundAlone = silentMs < readTimeoutMs / 2 && nowMs - receiver.lastPacketMs >= readTimeoutMs;
      const stopped = isSoundAlone ? `has sent no video for ${readTimeoutMs / 1000} s, only audio` : undefined;
      const fault = stopped ?? brokenPicture(receiver, startedMs, nowMs);
      if (fault !== undefined) {
        const context = { path: this.#name, codec: receiver.encoding, absence: 'refuses' };
        throw new PerchError(stopped ? 'timeout' : 'unavailable', `${this.#subject} ${fault}`, context);
      }
    }
  }

  #hold(unit: HeldUnit): void {
    if (this.#heldBytes + unit.data.length > HELD_BYTES || this.#held.length >= HELD_UNITS) {
      const lastKey = this.#held.findLastIndex(({ key, receiver }) => key && receiver.isVideo);
      this.#held = lastKey > 0 ? this.#held.slice(lastKey) : [];
      this.#heldBytes = this.#held.reduce((sum, { data }) => sum + data.length, 0);
    }
    this.#held.push(unit);
    this.#heldBytes += unit.data.length;
  }

  /** Whether the stream is reopened with this unit, once for each late track: at a key picture, so that no picture is lost. */
  #isReopenedBy(stream: Stream, receiver: InboundTrack, key: boolean): boolean {
    if (this.#restart !== undefined) {
      return false;
    }
    if (!this.#outputs.has(receiver) && !this.#next.includes(receiver)) {
      this.#next = this.#receivers.filter(
        (one) => one === receiver || this.#outputs.has(one) || this.#next.includes(one),
      );
      this.#log.info({ codec: receiver.encoding }, 'a track comes late: the stream is reopened with it');
      stream.requestKeyFrame();
    }
    if (this.#next.length === 0 || !key || this.#timeline.isInBurst || !this.#next.every(isDescribed)) {
      return false;
    }
    const isShown = (one: InboundTrack) => one.isVideo && receiver.lastPacketMs - one.lastPacketMs < MISSING_MS;
    return receiver === (this.#next.find(isShown) ?? receiver);
  }

  #open(receivers: readonly InboundTrack[]): void {
    this.#timeline.align();
    const held = this.#held.filter(({ receiver }) => receivers.includes(receiver));
    const starts = held.map(({ receiver, dtsTicks }) => receiver.timeline.captureMs(dtsTicks));
    for (const receiver of receivers) {
      if (!this.#stream && receiver.timeline.hasArrived && !held.some((unit) => unit.receiver === receiver)) {
        const marginMs = this.#heard.has(receiver) ? 0 : MARGIN_MS;
        starts.push(receiver.timeline.captureMs(receiver.timeline.newestTicks) - marginMs);
      }
    }
    this.#timeline.open(starts.reduce((least, startMs) => Math.min(least, startMs)));
    const lead = receivers.find((receiver) => receiver.isVideo && !isRelayed(receiver))?.timeline;
    for (const [index, receiver] of receivers.entries()) {
      // The tracks of a container have one clock.
      const isApart = !receiver.isVideo && !isRelayed(receiver) && receiver.timeline.peers.length === 0;
      receiver.timeline.drift.begin(isApart ? lead : undefined);
      this.#outputs.set(receiver, { index, lastDts: -1, jumps: receiver.timeline.jumps });
    }
    const stream = this.#sink.publish(receivers.map(({ track }) => track).filter((track) => track !== undefined));
    stream.framesInError += this.#damage;
    this.#damage = 0;
    const absent = this.#receivers.filter((receiver) => !receivers.includes(receiver));
    stream.leftOut = absent.filter(isAnnounced).map(whyAbsent).join('; ') || undefined;
    stream.onUrgentReader = () => this.onUrgentReader?.();
    this.#stream = stream;
    this.#held = [];
    this.#next = [];
    for (const { receiver, ptsTicks, dtsTicks, key, data } of held) {
      this.#write(stream, receiver, ptsTicks, dtsTicks, key, data);
    }
  }

  #write(
    stream: Stream,
    receiver: InboundTrack,
    ptsTicks: number,
    dtsTicks: number,
    key: boolean,
    data: Uint8Array,
  ): void {
    const output = this.#outputs.get(receiver);
    if (!output) {
      release(data);
      return;
    }
    const timeline = receiver.timeline;
    this.#timeline.follow(timeline);
    const time = timeline.timeOf(dtsTicks);
    if (time < 0) {
      return;
    }
    const dts = Math.max(time, output.lastDts + 1);
    const pts = Math.max(timeline.timeOf(ptsTicks), dts);
    const wall = this.#timeline.wallMs(timeline, ptsTicks);
    output.lastDts = dts;
    if (timeline.jumps !== output.jumps) {
      output.jumps = timeline.jumps;
      stream.markDiscontinuity(output.index);
    }
    stream.write(output.index, { pts, dts, wall, key, data });
  }
}

const isAnnounced = ({ encoding }: InboundTrack): boolean => encoding !== '';
const isDescribed = ({ track }: InboundTrack): boolean => track !== undefined;
const whyAbsent = ({ encoding, damage, packets }: InboundTrack): string =>
  `${encoding}: ${damage ?? `no ${packets > 0 ? 'whole frame' : 'packet'} so far`}`;
