import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { createDepacketizer } from '../../../media/codecs.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import { describeFormat, describeOffer } from '../../../media/sdp/describe-format.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { StreamSink } from '../../../stream/contracts.ts';
import { SenderPace } from '../../../stream/ingest/pace.ts';
import { MAX_SURPLUS_MS, ReadingBrake } from '../../../stream/ingest/reading-brake.ts';
import { ReorderBuffer } from '../../../stream/ingest/reorder-buffer.ts';
import { StreamWriter } from '../../../stream/ingest/stream-writer.ts';
import { Timeline } from '../../../stream/ingest/timeline.ts';
import { brokenPicture, TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import { type MediaReceiver, NOTHING_SENT, type PublisherRequest, type Received, type Sent } from './media-plane.ts';
import { type PublisherTransport, TcpPublisherTransport, UdpPublisherTransport } from './publisher-transport.ts';
import type { UdpPorts } from './udp-ports.ts';

const MAX_TRACKS = 16;
const TICK_MS = 500;
const REPORT_EVERY_MS = 10_000;
/** UDP has no back-pressure. */
const MAX_UDP_SURPLUS_MS = 10_000;

interface MediaTrack {
  /** The first supported format; undefined: packets are dropped. */
  readonly format: RtpFormat | undefined;
  /** While recording. */
  receiver: TrackReceiver | undefined;
  /** Over UDP. */
  reorder: ReorderBuffer | undefined;
}

/** Receives a publisher's media: RTP packets in, samples of a stream out. */
export class ReceivedMedia implements MediaReceiver {
  readonly kind: 'tcp' | 'udp';
  readonly #request: PublisherRequest;
  readonly #transport: PublisherTransport;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #formats: readonly (RtpFormat | undefined)[];
  readonly #tracks: (MediaTrack | undefined)[];
  readonly #ssrc = randomInt(1, 2 ** 32);
  #bytes = 0;
  #sentBytes = 0;
  #sentReports = 0;
  #streamWriter: StreamWriter | undefined;
  #receivers: TrackReceiver[] = [];
  #startedMs = 0;
  #reportAtMs = 0;
  #stopTicks: (() => void) | undefined;
  #lastReceivedMs = 0;
  #pace = new SenderPace(0);
  readonly #brake: ReadingBrake;
  #isTooFast = false;
  #isEnded = false;

  /**
   * @param ports for UDP; undefined: interleaved
   * @throws PerchError `unsupported` if no announced format is supported
   */
  constructor(request: PublisherRequest, ports: UdpPorts | undefined, clock: Clock, log: Logger) {
    this.kind = ports ? 'udp' : 'tcp';
    this.#request = request;
    this.#clock = clock;
    this.#log = log.child({ path: request.name });
    this.#transport = ports
      ? new UdpPublisherTransport(ports, request.ip, this)
      : new TcpPublisherTransport(request.owner, this);
    const link = { pause: () => request.owner.pauseReading(), resume: () => this.#resumeReading() };
    this.#brake = new ReadingBrake(link, () => this.#pace.surplusMs(clock.monoMs()), clock);
    this.#formats = request.medias.slice(0, MAX_TRACKS).map(chooseFormat);
    this.#tracks = this.#formats.map(() => undefined);
    if (this.#formats.every((format) => format === undefined)) {
      const offer = describeOffer(request.medias.flatMap(({ formats }) => formats));
      const message = `publisher of path '${request.name}' offers ${offer}, none of which is supported`;
      throw new PerchError('unsupported', message, { path: request.name });
    }
    for (const [media, { kind, formats }] of request.medias.slice(0, MAX_TRACKS).entries()) {
      if (!this.#formats[media] && (kind === 'audio' || kind === 'video')) {
        this.#log.warn({ kind, formats: formats.map(describeFormat) }, 'publisher offers an unsupported track');
      }
    }
  }

  /** A publisher that has to wait is not silent. */
  get lastReceivedMs(): number {
    return this.#brake.isPulled ? this.#clock.monoMs() : this.#lastReceivedMs;
  }

  get received(): Received {
    const receivers = this.#receivers;
    const sum = (of: (receiver: TrackReceiver) => number) => receivers.reduce((total, other) => total + of(other), 0);
    return {
      bytes: this.#bytes,
      rtpPackets: sum(({ packets }) => packets),
      lost: sum(({ sequence }) => sequence.lost),
      inError: sum(({ badPackets }) => badPackets),
      jitterTicks: receivers.length === 0 ? 0 : sum(({ jitterTicks }) => jitterTicks) / receivers.length,
      rtcpPackets: sum(({ controlPackets }) => controlPackets),
      rtcpInError: sum(({ badControlPackets }) => badControlPackets),
    };
  }

  get sent(): Sent {
    return { ...NOTHING_SENT, bytes: this.#sentBytes, rtcpPackets: this.#sentReports };
  }

  setUp(media: number, wanted: Transport): Transport {
    if (media >= this.#formats.length) {
      throw new PerchError('unsupported', `media ${media}: the limit is ${MAX_TRACKS}`);
    }
    const answer = this.#transport.setUp(media, wanted);
    this.#tracks[media] = { format: this.#formats[media], receiver: undefined, reorder: undefined };
    return answer;
  }

  /** @throws PerchError `unsupported` if no format of a set up medium is supported */
  start(sink: StreamSink): void {
    const timeline = new Timeline(this.#clock, sink.usesSenderClock);
    const receivers: TrackReceiver[] = [];
    const streamWriter = new StreamWriter(sink, timeline, receivers, this.#request.name, this.#log, 'publisher');
    for (const [media, track] of this.#tracks.entries()) {
      const isUsed = track?.format && !(sink.isSilent && this.#request.medias[media]?.kind === 'audio');
      if (isUsed) {
        const receiver = new TrackReceiver(track.format, timeline, streamWriter, this.#clock);
        track.receiver = receiver;
        track.reorder = this.kind === 'udp' ? new ReorderBuffer(receiver, track.format.payloadType) : undefined;
        receivers.push(receiver);
      }
    }
    if (receivers.length === 0) {
      const reason = sink.isSilent ? 'only audio, which the path drops (audio: no)' : 'none of which is supported';
      const message = `publisher of path '${this.#request.name}' has set up tracks, ${reason}`;
      throw new PerchError('unsupported', message, { path: this.#request.name });
    }
    this.#receivers = receivers;
    this.#streamWriter = streamWriter;
    this.#pace = new SenderPace(this.#tracks.length);
    this.#startedMs = this.#clock.monoMs();
    this.#reportAtMs = this.#startedMs + REPORT_EVERY_MS;
    this.#stopTicks ??= this.#clock.every(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#stopTicks?.();
    this.#stopTicks = undefined;
    for (const track of this.#tracks) {
      if (track) {
        track.receiver = undefined;
        track.reorder = undefined;
      }
    }
    this.#brake.release();
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.#transport.onFrame(chunk, channel, start, end);
  }

  /** An RTP packet, valid during the call only. */
  rtp(media: number, chunk: Uint8Array, start: number, end: number): void {
    const nowMs = this.#clock.monoMs();
    this.#lastReceivedMs = nowMs;
    this.#bytes += end - start;
    const track = this.#tracks[media];
    const receiver = track?.receiver;
    if (!receiver) {
      return;
    }
    try {
      if (track.reorder) {
        track.reorder.push(chunk, start, end, nowMs);
      } else {
        receiver.packet(chunk, start, end, nowMs);
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (receiver.timeline.hasArrived) {
      const mediaMs = (receiver.timeline.newestTicks * 1000) / receiver.format.clockRate;
      const limitMs = this.kind === 'udp' ? MAX_UDP_SURPLUS_MS : MAX_SURPLUS_MS;
      if (this.#pace.push(media, mediaMs, nowMs, limitMs)) {
        this.#onTooFast();
      }
    }
  }

  /** An RTCP packet, valid during the call only. */
  rtcp(media: number, chunk: Uint8Array, start: number, end: number): void {
    this.#lastReceivedMs = this.#clock.monoMs();
    this.#bytes += end - start;
    this.#tracks[media]?.receiver?.control(chunk, start, end);
  }

  /** Another session took over the publisher's ports. */
  onReplaced(): void {
    this.#end('its UDP ports were taken by a newer session of the same address');
  }

  close(): void {
    this.#isEnded = true;
    this.stop();
    this.#transport.close();
  }

  #tick(): void {
    const nowMs = this.#clock.monoMs();
    try {
      for (const track of this.#tracks) {
        track?.reorder?.flush(nowMs);
      }
      this.#streamWriter?.check(nowMs - this.#startedMs);
      this.#checkVideo(nowMs);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#receivers.every(({ hasLeft }) => hasLeft)) {
      this.#end('publisher has left (RTCP BYE)');
    } else if (nowMs >= this.#reportAtMs && !this.#isTooFast) {
      // A publisher that was slowed down may be gone while much of its data is still in network buffers. Writing to a
      // closed socket would make its system discard that data.
      this.#reportAtMs = nowMs + REPORT_EVERY_MS;
      this.#report();
    }
  }

  #report(): void {
    for (const [media, track] of this.#tracks.entries()) {
      const report = track?.receiver?.receiverReport(this.#ssrc);
      if (report) {
        this.#transport.sendRtcp(media, report);
        this.#sentBytes += report.length;
        this.#sentReports += 1;
      }
    }
  }

  /** A publisher without a decodable picture has to start a new session. */
  #checkVideo(nowMs: number): void {
    for (const receiver of this.#receivers) {
      const fault = this.#streamWriter?.hasLeftOut(receiver)
        ? undefined
        : brokenPicture(receiver, this.#startedMs, nowMs);
      if (fault !== undefined) {
        const { name: path } = this.#request;
        throw new PerchError('unavailable', `publisher of path '${path}' ${fault}`, { path });
      }
    }
  }

  #onTooFast(): void {
    if (this.kind === 'udp') {
      this.#end('publisher sends faster than real time, which cannot be slowed down over UDP (ffmpeg: -re)');
      return;
    }
    if (!this.#isTooFast) {
      this.#isTooFast = true;
      this.#log.warn('publisher sends faster than real time and is slowed down (ffmpeg: -re)');
    }
    if (!this.#isEnded) {
      this.#brake.pull();
    }
  }

  #resumeReading(): void {
    this.#lastReceivedMs = this.#clock.monoMs();
    this.#request.owner.resumeReading();
  }

  #fail(error: unknown): void {
    if (!(error instanceof PerchError)) {
      this.#log.error({ err: error }, 'fault while receiving from a publisher');
    }
    this.#end(explain(error));
  }

  #end(reason: string): void {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#request.owner.onMediaEnd(reason);
    }
  }
}

function chooseFormat(media: SdpMedia): RtpFormat | undefined {
  const discard = { onUnit: () => {}, onTrack: () => {}, onDamage: () => {} };
  return media.formats.find((format) => createDepacketizer(format, discard) !== undefined);
}
