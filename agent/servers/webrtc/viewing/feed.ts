import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Reader, Stream } from '../../../stream/stream.ts';
import type { SecureLink } from '../session/session-media.ts';
import type { OutboundTrack } from '../srtp/srtp.ts';
import { BitRate } from './bit-rate.ts';
import { FULL_PACE, type Pace, PacketSender, type Position } from './packet-sender.ts';
import { REORDERED } from './reordering.ts';

/** A network that has just been found too slow is not given a long group at once: its key frame alone, until the next. */
const SHORT_GROUP_PACKETS = 128;
/** Key frames come in bursts, which its queues do not take: they are spread to half of the rate that was too much. */
const GENTLE_SHARE = 0.5;
const GENTLE_BURST_BYTES = 6_000;
const MIN_BYTES_PER_MS = 16;
/** Of what has come through a way, other things may have to go through it as well. */
const PROVED_SHARE = 0.8;
/** A replay that is slower never catches up. */
const REPLAY_ROOM = 1.25;
/** So little, and it is no matter of a burst that was too fast for short queues. */
const FAR_LESS = 0.6;
/** A younger group is for the most part its key frame. */
const MIN_GROUP_MS = 1_000;
/** All of a smaller stream has to fit, its key frames in a part of their group's time. */
const FALLBACK_ROOM = 2;

/** How much a viewer is given: everything, the pictures of another stream, or key frames only. */
export type Share = 'all' | 'fallback' | 'keyFrames';

export interface FeedOptions {
  readonly id: string;
  readonly link: SecureLink;
  readonly stream: Stream;
  /** Numbers in the stream; -1: none. */
  readonly videoTrack: number;
  readonly audioTrack: number;
  readonly video: OutboundTrack | undefined;
  readonly audio: OutboundTrack | undefined;
  /** Where the sound comes from when it is not the stream's own: its first track, whose `audioTrack` is -1 then. */
  readonly sound?: Stream | undefined;
  readonly cname: string;
  readonly clock: Clock;
  /** Opens a smaller stream with the same pictures; undefined: there is none. */
  readonly openFallback?: (() => Promise<Stream>) | undefined;
  /** The smaller stream cannot be used, now or at all. */
  readonly onFallbackFailed: (cause: unknown) => void;
  /** All of the stream is sent again from now on, after a time of less. */
  readonly onWhole: () => void;
}

interface Fallback {
  readonly stream: Stream;
  readonly reader: Reader;
  readonly sender: PacketSender;
  readonly rate: BitRate;
}

/**
 * What flows to one viewer, and how much of it. The sound is always the stream's own, or made of it; the pictures may come from a smaller
 * stream for a while, on the same SSRC, with sequence numbers and RTP time that go on.
 */
export class Feed {
  readonly #options: FeedOptions;
  #main: PacketSender;
  /** Of sound that is made of the stream's. */
  readonly #turned: PacketSender | undefined;
  #fallback: Fallback | undefined;
  /** 0: everything; 1: the smaller stream where there is one, else key frames; 2: key frames. */
  #level = 0;
  /** What the whole stream takes. */
  #bitsPerSecond = 0;
  /** What has come through at a time of heavy loss. */
  #provedBitsPerSecond = Number.POSITIVE_INFINITY;
  #isOpening = false;
  #isClosed = false;
  /** Less is sent until the next key frame of the stream itself. */
  #awaitsKey = false;
  /** Of senders that are closed. */
  #bytes = 0;
  #packets = 0;
  #framesDiscarded = 0;

  /** Begins at once. */
  constructor(options: FeedOptions) {
    this.#options = options;
    this.#main = this.#openMain(undefined);
    this.#turned = options.sound && this.#openTurned(options.sound);
  }

  get bytes(): number {
    return this.#bytes + this.#main.bytes + (this.#turned?.bytes ?? 0) + (this.#fallback?.sender.bytes ?? 0);
  }

  get packets(): number {
    return this.#packets + this.#main.packets + (this.#turned?.packets ?? 0) + (this.#fallback?.sender.packets ?? 0);
  }

  get framesDiscarded(): number {
    return this.#framesDiscarded + this.#main.framesDiscarded + (this.#fallback?.sender.framesDiscarded ?? 0);
  }

  get share(): Share {
    return this.pictures.keyFramesOnly ? 'keyFrames' : this.#fallback ? 'fallback' : 'all';
  }

  /** Whose pictures are sent. */
  get pictures(): PacketSender {
    return this.#fallback?.sender ?? this.#main;
  }

  /** Where the pictures come from. */
  get stream(): Stream {
    return this.#fallback?.stream ?? this.#options.stream;
  }

  get awaitsKey(): boolean {
    return this.#awaitsKey;
  }

  setLevel(level: number): void {
    this.#level = level;
    this.#awaitsKey = level === 0;
    this.pictures.keyFramesOnly = level > (this.#fallback ? 1 : 0);
    this.pictures.pace = this.#pace;
    if (level === 0) {
      this.#options.stream.requestKeyFrame();
    } else if (!this.#fallback) {
      this.#openFallback();
    }
  }

  /** A key sample of the stream's pictures has come; to be called when the stream has been told of it entirely. */
  onKey(): void {
    if (this.#awaitsKey) {
      this.#awaitsKey = false;
      this.#options.onWhole();
      this.#endFallback();
    }
  }

  /**
   * A burst has lost its picture: nothing is sent faster than what has come through any more.
   * @param mostBitsPerSecond that may have come through
   * @param times that this has happened since the beginning of the burst
   * @returns whether the stream is more than the network takes
   */
  onBurstLost(provedBitsPerSecond: number, mostBitsPerSecond: number, times: number): boolean {
    this.#provedBitsPerSecond = provedBitsPerSecond;
    this.pictures.pace = this.#pace;
    return mostBitsPerSecond < (times > 1 ? 1 : FAR_LESS) * this.#wholeBitsPerSecond;
  }

  /**
   * To be called about once a second.
   * @param bitsPerSecond what the whole stream takes at this time
   */
  tick(bitsPerSecond: number): void {
    this.#bitsPerSecond = bitsPerSecond;
    this.#main.report();
    this.#turned?.report();
    if (this.#fallback) {
      const { stream, sender, rate } = this.#fallback;
      sender.report();
      rate.update(stream.bytesReceived, this.#options.clock.monoMs());
    }
    this.pictures.pace = this.#pace;
  }

  close(): void {
    this.#isClosed = true;
    // Not retired: what it has sent goes on to count.
    this.#main.close();
    this.#turned?.close();
    if (this.#fallback) {
      this.#retire(this.#fallback.sender);
      this.#fallback.stream.removeReader(this.#fallback.reader);
      this.#fallback = undefined;
    }
  }

  /** 0: not known. */
  get #wholeBitsPerSecond(): number {
    const { source } = this.#main;
    const { octets = 0, packets = 0 } = this.#options.video ?? {};
    if (this.#bitsPerSecond > 0 || source.groupStart < 0) {
      return this.#bitsPerSecond;
    }
    // The viewer has just come: of the group that was there for it.
    const meanBytes = octets / Math.max(1, packets);
    const groupMs = (source.lastWall[this.#options.videoTrack] ?? 0) - source.groupWall;
    return (8_000 * meanBytes * (source.written - source.groupStart)) / Math.max(MIN_GROUP_MS, groupMs);
  }

  get #pace(): Pace {
    const proved = PROVED_SHARE * this.#provedBitsPerSecond;
    if (this.#level === 0 && proved === Number.POSITIVE_INFINITY) {
      return FULL_PACE;
    }
    if (this.#level === 0) {
      const bytesPerMs = Math.max(proved, REPLAY_ROOM * this.#wholeBitsPerSecond) / 8_000;
      return bytesPerMs < FULL_PACE.replayBytesPerMs ? gentlePace(bytesPerMs) : FULL_PACE;
    }
    const isWhole = !this.pictures.keyFramesOnly;
    const leastBitsPerSecond = isWhole ? FALLBACK_ROOM * (this.#fallback?.rate.bitsPerSecond ?? 0) : 0;
    const gentle = Math.min(GENTLE_SHARE * this.#wholeBitsPerSecond, proved);
    const bytesPerMs = Math.max(MIN_BYTES_PER_MS, Math.max(gentle, leastBitsPerSecond) / 8_000);
    return gentlePace(bytesPerMs);
  }

  #openFallback(): void {
    const { openFallback, onFallbackFailed } = this.#options;
    if (!openFallback || this.#isOpening) {
      return;
    }
    this.#isOpening = true;
    openFallback()
      .then((stream) => this.#useFallback(stream))
      .catch(onFallbackFailed)
      .finally(() => {
        this.#isOpening = false;
      });
  }

  #useFallback(stream: Stream): void {
    // It took a while to open: the viewer may have gone, or recovered.
    if (this.#isClosed || this.#level === 0 || this.#fallback) {
      return;
    }
    if (stream === this.#options.stream) {
      throw new PerchError('badInput', 'the fallback is the stream itself');
    }
    const number = this.#matchingTrack(stream);
    const reader: Reader = {
      type: 'webRTCSession',
      id: this.#options.id,
      countsHolds: true,
      onSample: () => {},
      onTrack: () => {},
      onEnd: () => this.#endFallback(),
    };
    stream.addReader(reader, false);
    if (stream.isClosed) {
      return;
    }
    const follows = this.#main.position;
    this.#retire(this.#main);
    this.#main = this.#openSound();
    const sender = this.#openPictures(stream, number, follows);
    const rate = new BitRate(stream.bytesReceived, this.#options.clock.monoMs());
    this.#fallback = { stream, reader, sender, rate };
    sender.keyFramesOnly = this.#level > 1;
  }

  /** The smaller stream has ended, or is needed no more. */
  #endFallback(): void {
    const fallback = this.#fallback;
    if (!fallback || this.#isClosed) {
      return;
    }
    this.#fallback = undefined;
    const follows = fallback.sender.position;
    this.#retire(fallback.sender);
    fallback.stream.removeReader(fallback.reader);
    this.#retire(this.#main);
    this.#main = this.#openMain(follows);
  }

  /** @throws PerchError when its pictures are not what was agreed with the viewer */
  #matchingTrack(stream: Stream): number {
    const { codec, clockRate } = this.#options.stream.tracks[this.#options.videoTrack] ?? {};
    const number = stream.tracks.findIndex((track) => track.codec === codec && track.clockRate === clockRate);
    if (number < 0) {
      throw new PerchError('badInput', `the fallback has no ${codec} track, which the viewer was promised`);
    }
    if (stream.hasBFrames(number)) {
      throw new PerchError('badInput', REORDERED);
    }
    return number;
  }

  #openMain(follows: Position | undefined): PacketSender {
    const { videoTrack, audioTrack, video, audio } = this.#options;
    return this.#open({
      stream: this.#options.stream,
      tracks: this.#tracks((number) => (number === videoTrack ? video : number === audioTrack ? audio : undefined)),
      videoTrack: this.#options.videoTrack,
      follows,
      keyFramesOnly: this.#level > 0,
    });
  }

  #openSound(): PacketSender {
    const { audioTrack, audio } = this.#options;
    const tracks = this.#tracks((number) => (number === audioTrack ? audio : undefined));
    return this.#open({ stream: this.#options.stream, tracks, videoTrack: -1 });
  }

  /** With the first picture, where there are any. */
  #openTurned(stream: Stream): PacketSender {
    const startsWith = this.#options.videoTrack < 0 ? undefined : this.#main;
    return this.#open({ stream, tracks: [this.#options.audio], videoTrack: -1, startsWith });
  }

  #openPictures(stream: Stream, videoTrack: number, follows: Position): PacketSender {
    const tracks = stream.tracks.map((_, number) => (number === videoTrack ? this.#options.video : undefined));
    return this.#open({ stream, tracks, videoTrack, follows, maxReplayPackets: SHORT_GROUP_PACKETS });
  }

  #open(
    what: Pick<
      ConstructorParameters<typeof PacketSender>[0],
      'stream' | 'tracks' | 'videoTrack' | 'follows' | 'keyFramesOnly' | 'maxReplayPackets' | 'startsWith'
    >,
  ): PacketSender {
    const { link, cname, clock } = this.#options;
    const isOwn = what.stream === this.#options.stream;
    const onReordered = (): void => (isOwn ? link.close(REORDERED) : this.#endFallback());
    return new PacketSender({ ...what, pace: this.#pace, link, cname, clock, onReordered });
  }

  #tracks(trackOf: (number: number) => OutboundTrack | undefined): (OutboundTrack | undefined)[] {
    return this.#options.stream.tracks.map((_, number) => trackOf(number));
  }

  #retire(sender: PacketSender): void {
    sender.close();
    this.#bytes += sender.bytes;
    this.#packets += sender.packets;
    this.#framesDiscarded += sender.framesDiscarded;
  }
}

const gentlePace = (bytesPerMs: number): Pace => ({
  burstBytes: GENTLE_BURST_BYTES,
  bytesPerMs,
  replayBytesPerMs: bytesPerMs,
});
