import { explain } from '../../../base/errors.ts';
import { RtpPackets, type RtpViewer } from '../../../stream/rtp-packets.ts';
import type { OutboundTrack, SrtpSender } from '../srtp/srtp.ts';
import { SrtpBatchSender } from './packet-batch.ts';
import { FULL_RATE, type SendRate } from './send-rate.ts';
import { type SenderReportOptions, SenderReports, sendReports } from './sender-reports.ts';
import { SentHistory } from './sent-history.ts';
import { TimestampMapper } from './timestamp-mapper.ts';

/** Chromium queues 800 frames for its decoder and skips to the next key frame when the queue is full. */
const UNPACED_FRAMES = 500;
/** The least duration of each further frame of a replay: most decoders manage 500 a second. */
const MIN_FRAME_MS = 2;
/**
 * A key frame for two hundred viewers blocks their shared socket for some milliseconds. A longer block means the
 * network is too slow.
 */
const MAX_BLOCKED_MS = 200;
/** Audio waits for the first frame so that both start together, but no longer: there may be no video for minutes. */
const AUDIO_WAIT_MS = 1_000;
/** Audio packets after which a report lets a viewer synchronize audio without video. */
const AUDIO_REPORTS_AT = [1, 10];
const TICK_MS = 1;

/** A viewer's place on the RTP clock of its video. */
export interface Position {
  /** Monotonic time of the position. */
  readonly atMs: number;
  /** RTP timestamp at that time, with the track's offset; 32 bits. */
  readonly timestamp: number;
  /** RTP timestamp of the last frame sent, with the track's offset. */
  readonly lastTimestamp: number;
}

interface PacketSenderOptions extends SenderReportOptions {
  /** The track whose key frames a viewer starts at; -1: audio only. */
  readonly videoTrack: number;
  /** Continues the RTP time of another stream's video on the same track. */
  readonly continues?: Position | undefined;
  readonly keyFramesOnly?: boolean;
  /** A longer GOP is not replayed: its key frame stands until the next one. */
  readonly maxReplayPackets?: number;
  /** Initial pace; default: `FULL_RATE`. */
  readonly pace?: SendRate;
  /** Audio waits for this sender's first frame; default: its own. */
  readonly startsWith?: PacketSender | undefined;
  /** The video has B-frames and stops. */
  readonly onReordered: () => void;
}

/**
 * Sends a stream's packets to one viewer, encrypted with its keys, starting with the cached GOP. A cursor reads video
 * from the stream's ring as fast as the pace allows; audio is sent as it arrives.
 */
export class PacketSender implements RtpViewer {
  /** Frames dropped because of congestion or a reduced level. */
  framesDiscarded = 0;
  /** Drops all other frames. Afterwards video continues at the next key frame or with `restartAtKey`. */
  keyFramesOnly: boolean;
  pace: SendRate;
  readonly source: RtpPackets;
  /** Sent packets of the video track, by packet index. */
  readonly history: SentHistory | undefined;
  readonly #options: PacketSenderOptions;
  readonly #sender: SrtpBatchSender;
  readonly #mapper: TimestampMapper;
  readonly #reports: SenderReports;
  readonly #video: number;
  #continues: Position | undefined;
  /** The next packet in the ring. */
  #cursor = 0;
  #waitsForKeyFrame = false;
  #hasStarted: boolean;
  /** Monotonic time from which audio is sent without video. */
  readonly #audioFromMs: number;
  /** Frames were dropped: a key frame is requested once the network accepts packets again. */
  #needsKeyFrame = false;
  /** `end` of the still image being sent, -1: none; video then continues at a key frame from `next` on. */
  readonly #still = { end: -1, next: 0 };
  /** The current frame's time in the ring and its sent timestamp. */
  readonly #frame = { timestamp: -1, stamp: 0 };
  /** Frames of the current replay, which ends when the cursor reaches the end of the ring; -1: none. */
  #replayedFrames = -1;
  /** Bytes that may be sent, as of `ms`. */
  readonly #credit: { bytes: number; ms: number };
  /** When the network was last uncongested. */
  #freeMs: number;
  #stopTicking: (() => void) | undefined;
  #audioPackets = 0;

  /** Starts sending at once. */
  constructor(options: PacketSenderOptions) {
    const { link, stream, tracks, videoTrack, clock } = options;
    this.#options = options;
    this.#video = videoTrack;
    this.#continues = options.continues;
    this.keyFramesOnly = options.keyFramesOnly ?? false;
    this.pace = options.pace ?? FULL_RATE;
    this.#hasStarted = videoTrack < 0;
    const nowMs = clock.monoMs();
    this.#credit = { bytes: this.pace.burstBytes, ms: nowMs };
    this.#freeMs = nowMs;
    this.#audioFromMs = nowMs + (options.continues ? 0 : AUDIO_WAIT_MS);
    this.#sender = new SrtpBatchSender(link, (bytes) => stream.countSent(bytes));
    const video = tracks[videoTrack];
    this.history = video && new SentHistory(video.packetIndex);
    this.#mapper = new TimestampMapper(stream.tracks[videoTrack]?.clockRate ?? 90_000);
    this.source = RtpPackets.join(stream, this);
    this.#reports = new SenderReports(options, this.source);
    if (videoTrack >= 0) {
      this.#seekKeyFrame();
      this.#mapper.begin(this.source, videoTrack, nowMs, clock.wallMs());
      this.#sendVideo();
    }
  }

  get bytes(): number {
    return this.#sender.bytes;
  }

  get packets(): number {
    return this.#sender.packets;
  }

  get srtp(): SrtpSender {
    return this.#sender.srtp;
  }

  /**
   * Sends the newest key frame and all that follows at the initial pace. If that GOP is too large, the key frame stands
   * alone until the next one, which is requested.
   */
  restartAtKey(): void {
    this.#seekKeyFrame();
    this.#sendVideo();
  }

  onPackets(packets: RtpPackets, from: number, to: number): void {
    const number = packets.trackOf(from);
    if (!this.#stopTicking) {
      // The queue is empty: other viewers' stills and other tracks are skipped.
      this.#cursor = number === this.#video ? from : to;
    }
    if (number === this.#video) {
      this.#mapper.onVideo(packets.timestampOf(to - 1), this.#options.clock.monoMs());
      this.#sendVideo();
    } else if (this.#sendsAudio && !this.#options.link.transport.isCongested) {
      this.#sendAudio(packets, from, to, this.#options.tracks[number]);
    }
  }

  onReordered(track: number): void {
    if (track === this.#video) {
      this.#options.onReordered();
    }
  }

  onFailed(cause: unknown): void {
    this.#options.link.close(explain(cause));
  }

  close(): void {
    this.#setTicking(false);
    this.source.leave(this);
  }

  /** The position that the next sender on the same track continues from. */
  get position(): Position {
    if (this.#continues) {
      return this.#continues;
    }
    const { tracks, clock } = this.#options;
    const offset = tracks[this.#video]?.timestampOffset ?? 0;
    const atMs = clock.monoMs();
    return {
      atMs,
      timestamp: (this.#mapper.timeAt(atMs) + offset) >>> 0,
      lastTimestamp: (this.#frame.stamp + offset) >>> 0,
    };
  }

  /** The sender reports of its tracks. */
  reports(): Uint8Array[] {
    return this.#reports.write(this.#continues ? this.#video : -1);
  }

  /** The first frame is sent, or there is no video. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  get #sendsAudio(): boolean {
    const first = this.#options.startsWith ?? this;
    return first.hasStarted || this.#options.clock.monoMs() >= this.#audioFromMs;
  }

  get #bytesPerMs(): number {
    return this.#replayedFrames < 0 ? this.pace.bytesPerMs : this.pace.replayBytesPerMs;
  }

  /** Start of the newest GOP in the ring; -1: none. */
  get #groupStart(): number {
    return this.#video === this.source.leadingTrack ? this.source.groupStart : -1;
  }

  #seekKeyFrame(): void {
    const { source } = this;
    const start = this.#groupStart;
    this.#waitsForKeyFrame = true;
    this.#still.end = -1;
    this.#replayedFrames = 0;
    // A repeated frame gets a new timestamp.
    this.#frame.timestamp = -1;
    if (start >= 0 && source.written - start <= (this.#options.maxReplayPackets ?? source.written)) {
      this.#cursor = start;
    } else {
      const still = this.#video === source.leadingTrack ? source.putStill() : -1;
      this.#still.next = source.written;
      this.#cursor = still >= 0 ? still : source.written;
      this.#still.end = still >= 0 ? source.stillEnd : -1;
      this.#options.stream.requestKeyFrame();
    }
  }

  #sendAudio(packets: RtpPackets, from: number, to: number, track: OutboundTrack | undefined): void {
    const sender = this.#sender;
    sender.begin();
    for (let packet = from; packet < to && track; packet += 1) {
      if (sender.add(packets, packet, track, packets.timestampOf(packet))) {
        sender.send(packets);
      }
    }
    sender.send(packets);
    this.#audioPackets += 1;
    if (this.#video < 0 && AUDIO_REPORTS_AT.includes(this.#audioPackets)) {
      this.#report();
    }
  }

  /** Sends from the cursor on, as much as the pace allows. The rest follows after a tick. */
  #sendVideo(): void {
    const { source } = this;
    const nowMs = this.#options.clock.monoMs();
    const hadStarted = this.#hasStarted;
    const earned = (nowMs - this.#credit.ms) * this.#bytesPerMs;
    this.#credit.bytes = Math.min(this.pace.burstBytes, this.#credit.bytes + earned);
    this.#credit.ms = nowMs;
    const { transport } = this.#options.link;
    while (this.#cursor < source.written && this.#credit.bytes > 0 && !transport.isCongested) {
      this.#sendBatch(nowMs);
    }
    if (this.#cursor === source.written || !transport.isCongested || !this.#stopTicking) {
      this.#freeMs = nowMs;
    } else if (this.#replayedFrames < 0 && nowMs - this.#freeMs > MAX_BLOCKED_MS) {
      this.#discard();
    }
    const isLate = this.#cursor < source.written;
    this.#setTicking(isLate);
    const hasCaughtUp = this.#replayedFrames > 0 && !isLate;
    this.#replayedFrames = isLate ? this.#replayedFrames : -1;
    if ((this.#hasStarted && !hadStarted) || hasCaughtUp) {
      // Two reports, at the start and at the end of the burst, synchronize audio and video.
      this.#report();
    }
  }

  #report(): void {
    sendReports(this.#options.link, this.#options.stream, this.reports());
  }

  #sendBatch(nowMs: number): void {
    const { source } = this;
    const { written } = source;
    const sender = this.#sender;
    const track = this.#options.tracks[this.#video] as OutboundTrack;
    const { overheadBytes } = sender.srtp;
    let isFull = false;
    if (this.#needsKeyFrame) {
      this.#needsKeyFrame = false;
      if (this.#groupStart < this.#cursor) {
        this.#options.stream.requestKeyFrame();
      }
    }
    sender.begin();
    while (this.#cursor < written && !isFull && this.#credit.bytes > 0) {
      const packet = this.#cursor;
      if (!source.has(packet)) {
        this.#skipOverwritten();
        continue;
      }
      this.#cursor += 1;
      if (source.trackOf(packet) !== this.#video || !this.#shouldSend(packet, nowMs)) {
        continue;
      }
      this.history?.add(packet, this.#frame.stamp);
      this.#credit.bytes -= source.payloadBytesOf(packet) + overheadBytes;
      isFull = sender.add(source, packet, track, this.#frame.stamp);
      this.#hasStarted = true;
    }
    sender.send(source);
  }

  /** Whether a video packet is sent; starts a new frame. May move the cursor. */
  #shouldSend(packet: number, nowMs: number): boolean {
    const { source } = this;
    const isOfStill = packet < this.#still.end;
    if (source.isStill(packet) !== isOfStill) {
      return false;
    }
    const starts = source.startsGroup(packet);
    const timestamp = source.timestampOf(packet);
    if (!isOfStill && !starts && this.keyFramesOnly && timestamp !== this.#frame.timestamp) {
      this.#waitsForKeyFrame = true;
    }
    if (this.#waitsForKeyFrame && !starts && !isOfStill) {
      this.framesDiscarded += this.#hasStarted ? source.markerOf(packet) : 0;
      return false;
    }
    if (starts || timestamp !== this.#frame.timestamp) {
      const newest = this.#groupStart;
      if (newest > packet) {
        // A newer GOP has begun.
        this.#cursor = newest;
        return false;
      }
      this.#frame.timestamp = timestamp;
      this.#frame.stamp = this.#mapper.stamp(timestamp, nowMs);
      if (this.#continues) {
        this.#continueFrom(this.#continues, nowMs);
      }
      if (this.#replayedFrames >= 0) {
        this.#replayedFrames += 1;
        this.#credit.bytes -= this.#replayedFrames > UNPACED_FRAMES ? MIN_FRAME_MS * this.#bytesPerMs : 0;
      }
    }
    this.#waitsForKeyFrame = false;
    if (packet === this.#still.end - 1) {
      this.#still.end = -1;
      this.#waitsForKeyFrame = true;
      this.#cursor = this.#still.next;
    }
    return true;
  }

  /**
   * The first frame gets the time it would have had in the previous stream, always later than that stream's last frame.
   */
  #continueFrom({ atMs, timestamp, lastTimestamp }: Position, nowMs: number): void {
    const { tracks, stream } = this.#options;
    const clockRate = stream.tracks[this.#video]?.clockRate ?? 0;
    const now = timestamp + Math.round(((nowMs - atMs) * clockRate) / 1000);
    const next = ((now - lastTimestamp) | 0) > 0 ? now : lastTimestamp + 1;
    (tracks[this.#video] as OutboundTrack).timestampOffset = (next - this.#frame.stamp) >>> 0;
    this.#continues = undefined;
  }

  /** The ring has overwritten the next packet. */
  #skipOverwritten(): void {
    const start = this.#groupStart;
    this.#cursor = start >= 0 ? start : this.source.written;
    this.#needsKeyFrame = start < 0;
    this.#waitsForKeyFrame = true;
    this.#still.end = -1;
  }

  #setTicking(isTicking: boolean): void {
    if (!isTicking) {
      this.#stopTicking?.();
      this.#stopTicking = undefined;
    } else {
      this.#stopTicking ??= this.#options.clock.every(TICK_MS, () => this.#tick());
    }
  }

  #tick(): void {
    try {
      this.#sendVideo();
    } catch (cause) {
      this.close();
      this.onFailed(cause);
    }
  }

  /** The network is slower than the stream: video continues at a key frame once there is room. */
  #discard(): void {
    const { source } = this;
    this.#waitsForKeyFrame = true;
    this.#needsKeyFrame = true;
    for (let packet = this.#cursor; packet < source.written; packet += 1) {
      const isFrame = source.markerOf(packet) === 1 && source.trackOf(packet) === this.#video;
      this.framesDiscarded += isFrame && this.#hasStarted ? 1 : 0;
    }
    this.#cursor = source.written;
  }
}
