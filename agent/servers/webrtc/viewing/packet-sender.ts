import { explain } from '../../../base/errors.ts';
import { RtpPackets, type RtpViewer } from '../../../stream/rtp-packets.ts';
import type { OutboundTrack, SrtpSender } from '../srtp/srtp.ts';
import { LiveEdge } from './live-edge.ts';
import { PacketOutlet } from './packet-outlet.ts';
import { type SenderReportOptions, SenderReports } from './sender-reports.ts';
import { SentHistory } from './sent-history.ts';

/** How fast pictures go out. */
export interface Pace {
  /** What is sent at once when there has been a pause: most pictures are smaller. */
  readonly burstBytes: number;
  /** Beyond it. */
  readonly bytesPerMs: number;
  /** The same for pictures that have waited: of the group that there is when a viewer comes, or asks for it once more. */
  readonly replayBytesPerMs: number;
}
/**
 * As fast as a camera's own 100 Mbit/s line has brought it. Chromium's socket takes no more than 113 packets unread. A group is
 * replayed at 48 Mbit/s: ten seconds of 2 Mbit/s take as long as a browser needs to decode them.
 */
export const FULL_PACE: Pace = { burstBytes: 64_000, bytesPerMs: 12_500, replayBytesPerMs: 6_000 };
/** Chromium has places for 800 pictures that wait for its decoder, and begins anew at the next key frame when they are taken. */
const UNPACED_PICTURES = 500;
/** What each picture takes of a replay's time after those, at least: most decoders do 500 a second. */
const MIN_PICTURE_MS = 2;
/** A key frame for two hundred viewers at once fills the socket that they share for some milliseconds; longer is too slow. */
const MAX_BLOCKED_MS = 200;
/** Sound waits for the first picture, so that both begin together, but no longer than this: there may be none for minutes. */
const SOUND_PATIENCE_MS = 1_000;
/** A viewer learns soon how sound without pictures beside it belongs to them: with its first packets, and a little later. */
const SOUND_REPORTS_AT = [1, 10];
/** What is left over goes on this often. */
const TICK_MS = 1;

/** Where a viewer is on the RTP clock of its pictures. */
export interface Position {
  /** Monotonic milliseconds of our own clock. */
  readonly atMs: number;
  /** RTP time at that moment, 32 bits, with its offset. */
  readonly timestamp: number;
  /** Of the latest picture that was sent. */
  readonly lastTimestamp: number;
}

export interface PacketSenderOptions extends SenderReportOptions {
  /** The number of the track whose key frames a viewer starts at; -1: sound only. */
  readonly videoTrack: number;
  /** Another stream's pictures were sent on the video track until now: its RTP time goes on from here. */
  readonly follows?: Position | undefined;
  /** The initial value. */
  readonly keyFramesOnly?: boolean;
  /** A longer group is not sent at once: its key frame alone is shown until the next one. */
  readonly maxReplayPackets?: number;
  /** The initial value; `FULL_PACE` when not given. */
  readonly pace?: Pace;
  /** Where the pictures come from that sound waits for; this one when not given. */
  readonly startsWith?: PacketSender | undefined;
  /** The pictures have B-frames: nothing more of them will come. */
  readonly onReordered: () => void;
}

/**
 * Sends a stream's packets to one viewer, encrypted with its keys. It begins with the group of pictures that is already there.
 * Pictures are read from the stream's ring by a cursor of their own, as fast as the pace allows; sound goes out as it comes.
 */
export class PacketSender implements RtpViewer {
  /** Pictures that the network did not take in time, or that were left out for its sake. */
  framesDiscarded = 0;
  /** Nothing but key frames is sent while this is set. Afterwards the picture goes on at the next key frame, or with `restartAtKey`. */
  keyFramesOnly: boolean;
  pace: Pace;
  readonly source: RtpPackets;
  /** Of the video track, by its packet indexes. */
  readonly history: SentHistory | undefined;
  readonly #options: PacketSenderOptions;
  readonly #outlet: PacketOutlet;
  readonly #edge: LiveEdge;
  readonly #reports: SenderReports;
  readonly #video: number;
  #follows: Position | undefined;
  /** The next packet of the ring that pictures are read from. */
  #cursor = 0;
  #waitsForKey = false;
  #hasStarted: boolean;
  /** Sound is sent from then on, if there is no picture before. */
  readonly #soundFromMs: number;
  /** Pictures were left out: a key frame is asked for when the network takes them again. */
  #needsKey = false;
  /** A still is being sent up to here, after which the picture goes on with a key frame from `#afterStill` on; -1: none is. */
  #stillEnd = -1;
  #afterStill = 0;
  /** The picture that is being sent: its time in the ring, and the one that it is sent with. */
  #timestamp = -1;
  #stamp = 0;
  /** Of a replay, which lasts until the cursor has come to the end of the ring; -1: there is none. */
  #replayedPictures = -1;
  #creditBytes: number;
  #creditMs: number;
  /** When the network did not keep anything waiting for the last time. */
  #freeMs: number;
  #stopTicking: (() => void) | undefined;
  #sounds = 0;

  /** Begins at once. */
  constructor(options: PacketSenderOptions) {
    const { link, stream, tracks, videoTrack, clock } = options;
    this.#options = options;
    this.#video = videoTrack;
    this.#follows = options.follows;
    this.keyFramesOnly = options.keyFramesOnly ?? false;
    this.pace = options.pace ?? FULL_PACE;
    this.#creditBytes = this.pace.burstBytes;
    this.#hasStarted = videoTrack < 0;
    this.#creditMs = clock.monoMs();
    this.#freeMs = this.#creditMs;
    this.#soundFromMs = this.#creditMs + (options.follows ? 0 : SOUND_PATIENCE_MS);
    this.#outlet = new PacketOutlet(link, (bytes) => stream.countSent(bytes));
    const video = tracks[videoTrack];
    this.history = video && new SentHistory(video.packetIndex);
    this.#edge = new LiveEdge(stream.tracks[videoTrack]?.clockRate ?? 90_000);
    this.source = RtpPackets.join(stream, this);
    this.#reports = new SenderReports(options, this.source);
    if (videoTrack >= 0) {
      this.#goToKey();
      this.#edge.begin(this.source, videoTrack, this.#creditMs, clock.wallMs());
      this.#sendPictures();
    }
  }

  /** SRTP only: the session counts RTCP. */
  get bytes(): number {
    return this.#outlet.bytes;
  }

  get packets(): number {
    return this.#outlet.packets;
  }

  get srtp(): SrtpSender {
    return this.#outlet.srtp;
  }

  /**
   * Sends the newest key frame with all that has followed it, as fast as at the beginning. When the group since then is too
   * large, the key frame alone is shown until the next one, which is asked for.
   */
  restartAtKey(): void {
    this.#goToKey();
    this.#sendPictures();
  }

  onPackets(packets: RtpPackets, from: number, to: number): void {
    const number = packets.trackOf(from);
    if (!this.#stopTicking) {
      // Nothing is left over: stills of others and foreign tracks need not be walked through.
      this.#cursor = number === this.#video ? from : to;
    }
    if (number === this.#video) {
      this.#edge.onPicture(packets.timestampOf(to - 1), this.#options.clock.monoMs());
      this.#sendPictures();
    } else if (this.#sendsSound && !this.#options.link.route.isCongested) {
      this.#sendSound(packets, from, to, this.#options.tracks[number]);
      this.#reportSound();
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

  /** For the sender of another stream that follows on the same track. */
  get position(): Position {
    if (this.#follows) {
      return this.#follows;
    }
    const { tracks, clock } = this.#options;
    const offset = tracks[this.#video]?.timestampOffset ?? 0;
    const atMs = clock.monoMs();
    return {
      atMs,
      timestamp: modulo32(this.#edge.timeAt(atMs) + offset),
      lastTimestamp: modulo32(this.#stamp + offset),
    };
  }

  /** Sends the reports that are due every second. */
  report(): void {
    this.#reports.send(this.#follows ? this.#video : -1);
  }

  /** The first picture is on its way, or there are none to wait for. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  get #sendsSound(): boolean {
    const first = this.#options.startsWith ?? this;
    return first.hasStarted || this.#options.clock.monoMs() >= this.#soundFromMs;
  }

  get #bytesPerMs(): number {
    return this.#replayedPictures < 0 ? this.pace.bytesPerMs : this.pace.replayBytesPerMs;
  }

  /** Where the viewer can begin; -1: nowhere. */
  get #groupStart(): number {
    return this.#video === this.source.leadingTrack ? this.source.groupStart : -1;
  }

  /** Sets the cursor to the newest key frame. */
  #goToKey(): void {
    const { source } = this;
    const start = this.#groupStart;
    this.#waitsForKey = true;
    this.#stillEnd = -1;
    this.#replayedPictures = 0;
    // The picture that is sent again is a new one to the viewer.
    this.#timestamp = -1;
    if (start >= 0 && source.written - start <= (this.#options.maxReplayPackets ?? source.written)) {
      this.#cursor = start;
    } else {
      const still = this.#video === source.leadingTrack ? source.putStill() : -1;
      this.#afterStill = source.written;
      this.#cursor = still >= 0 ? still : source.written;
      this.#stillEnd = still >= 0 ? source.stillEnd : -1;
      this.#options.stream.requestKeyFrame();
    }
  }

  #sendSound(packets: RtpPackets, from: number, to: number, track: OutboundTrack | undefined): void {
    const outlet = this.#outlet;
    outlet.begin();
    for (let packet = from; packet < to && track; packet += 1) {
      if (outlet.add(packets, packet, track, packets.timestampOf(packet))) {
        outlet.send(packets);
      }
    }
    outlet.send(packets);
  }

  #reportSound(): void {
    this.#sounds += 1;
    if (this.#video < 0 && SOUND_REPORTS_AT.includes(this.#sounds)) {
      this.report();
    }
  }

  /** From the cursor on, as much as the pace allows; the rest in a millisecond. */
  #sendPictures(): void {
    const { source } = this;
    const nowMs = this.#options.clock.monoMs();
    const hadStarted = this.#hasStarted;
    const earned = (nowMs - this.#creditMs) * this.#bytesPerMs;
    this.#creditBytes = Math.min(this.pace.burstBytes, this.#creditBytes + earned);
    this.#creditMs = nowMs;
    const { route } = this.#options.link;
    while (this.#cursor < source.written && this.#creditBytes > 0 && !route.isCongested) {
      this.#sendBatch(nowMs);
    }
    if (this.#cursor === source.written || !route.isCongested || !this.#stopTicking) {
      this.#freeMs = nowMs;
    } else if (this.#replayedPictures < 0 && nowMs - this.#freeMs > MAX_BLOCKED_MS) {
      this.#discard();
    }
    const isLate = this.#cursor < source.written;
    this.#setTicking(isLate);
    const hasCaughtUp = this.#replayedPictures > 0 && !isLate;
    this.#replayedPictures = isLate ? this.#replayedPictures : -1;
    if ((this.#hasStarted && !hadStarted) || hasCaughtUp) {
      // At the beginning, and when the burst is over: with two of them a viewer knows how sound and picture belong together.
      this.report();
    }
  }

  /** Moves the cursor over one batch at most. */
  #sendBatch(nowMs: number): void {
    const { source } = this;
    const { written } = source;
    const outlet = this.#outlet;
    const track = this.#options.tracks[this.#video] as OutboundTrack;
    const { overheadBytes } = outlet.srtp;
    let isFull = false;
    if (this.#needsKey) {
      this.#needsKey = false;
      if (this.#groupStart < this.#cursor) {
        this.#options.stream.requestKeyFrame();
      }
    }
    outlet.begin();
    while (this.#cursor < written && !isFull && this.#creditBytes > 0) {
      const packet = this.#cursor;
      if (!source.has(packet)) {
        this.#recover();
        continue;
      }
      this.#cursor += 1;
      if (source.trackOf(packet) !== this.#video || !this.#wants(packet, nowMs)) {
        continue;
      }
      this.history?.add(packet, this.#stamp);
      this.#creditBytes -= source.payloadBytesOf(packet) + overheadBytes;
      isFull = outlet.add(source, packet, track, this.#stamp);
      this.#hasStarted = true;
    }
    outlet.send(source);
  }

  /** Whether a packet of the video track is sent; begins a picture. May move the cursor. */
  #wants(packet: number, nowMs: number): boolean {
    const { source } = this;
    const isOfStill = packet < this.#stillEnd;
    if (source.isStill(packet) !== isOfStill) {
      return false;
    }
    const starts = source.startsGroup(packet);
    const timestamp = source.timestampOf(packet);
    if (!isOfStill && !starts && this.keyFramesOnly && timestamp !== this.#timestamp) {
      this.#waitsForKey = true;
    }
    if (this.#waitsForKey && !starts && !isOfStill) {
      this.framesDiscarded += this.#hasStarted ? source.markerOf(packet) : 0;
      return false;
    }
    if (starts || timestamp !== this.#timestamp) {
      const newest = this.#groupStart;
      if (newest > packet) {
        // A newer group has begun: nobody needs the rest of this one.
        this.#cursor = newest;
        return false;
      }
      this.#timestamp = timestamp;
      this.#stamp = this.#edge.stamp(timestamp, nowMs);
      if (this.#follows) {
        this.#follow(this.#follows, nowMs);
      }
      if (this.#replayedPictures >= 0) {
        this.#replayedPictures += 1;
        this.#creditBytes -= this.#replayedPictures > UNPACED_PICTURES ? MIN_PICTURE_MS * this.#bytesPerMs : 0;
      }
    }
    this.#waitsForKey = false;
    if (packet === this.#stillEnd - 1) {
      this.#stillEnd = -1;
      this.#waitsForKey = true;
      this.#cursor = this.#afterStill;
    }
    return true;
  }

  /** The first picture gets the time that it would have had in the stream before, which is always later than the last one's. */
  #follow({ atMs, timestamp, lastTimestamp }: Position, nowMs: number): void {
    const { tracks, stream } = this.#options;
    const clockRate = stream.tracks[this.#video]?.clockRate ?? 0;
    const now = timestamp + Math.round(((nowMs - atMs) * clockRate) / 1000);
    const next = ((now - lastTimestamp) | 0) > 0 ? now : lastTimestamp + 1;
    (tracks[this.#video] as OutboundTrack).timestampOffset = modulo32(next - this.#stamp);
    this.#follows = undefined;
  }

  /** The ring has gone over what was to be sent next. */
  #recover(): void {
    const start = this.#groupStart;
    this.#cursor = start >= 0 ? start : this.source.written;
    this.#needsKey = start < 0;
    this.#waitsForKey = true;
    this.#stillEnd = -1;
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
      this.#sendPictures();
    } catch (cause) {
      this.close();
      this.onFailed(cause);
    }
  }

  /** The network is slower than the stream: the picture goes on at a key frame, once there is room. */
  #discard(): void {
    const { source } = this;
    this.#waitsForKey = true;
    this.#needsKey = true;
    for (let packet = this.#cursor; packet < source.written; packet += 1) {
      const isPicture = source.markerOf(packet) === 1 && source.trackOf(packet) === this.#video;
      this.framesDiscarded += isPicture && this.#hasStarted ? 1 : 0;
    }
    this.#cursor = source.written;
  }
}

function modulo32(ticks: number): number {
  return ((ticks % 2 ** 32) + 2 ** 32) % 2 ** 32;
}
