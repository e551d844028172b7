import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { createDepacketizer } from '../../../media/codecs.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import { describeFormat, describeOffer } from '../../../media/sdp/describe-format.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import { brokenPicture } from '../../../stream/ingest/broken-picture.ts';
import { Opening } from '../../../stream/ingest/opening.ts';
import { SenderPace } from '../../../stream/ingest/pace.ts';
import { ReorderBuffer } from '../../../stream/ingest/reorder-buffer.ts';
import type { StreamSink } from '../../../stream/ingest/stream-sink.ts';
import { Timeline } from '../../../stream/ingest/timeline.ts';
import { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { Intake, PublisherRequest, Received, Sent } from './media-plane.ts';
import { type PublisherPath, TcpPublisherPath, UdpPublisherPath } from './publisher-path.ts';
import type { UdpPorts } from './udp-ports.ts';

const MAX_TRACKS = 16;
const TICK_MS = 500;
const REPORT_EVERY_MS = 10_000;
/**
 * A publisher may begin with a burst of what it has kept. What comes further ahead of real time than this has to wait.
 * Times of capture move by as much: recordings are cut where they have moved by 2.5 s.
 */
const MAX_SURPLUS_MS = 2_000;
/** It waits in steps as short as these, so that those who watch see no pauses. */
const STEP_MS = 100;
const LOOK_EVERY_MS = 50;
/** Over UDP nobody can be made to wait. */
const MAX_UDP_SURPLUS_MS = 10_000;

/** One medium that is set up. */
interface Lane {
  /** The first format that we can take; undefined: what comes is passed over. */
  readonly format: RtpFormat | undefined;
  /** While recording. */
  receiver: TrackReceiver | undefined;
  /** Over UDP. */
  reorder: ReorderBuffer | undefined;
}

/** What a publisher sends, from RTP packets to the samples of its stream. */
export class PublisherMedia implements Intake {
  readonly kind: 'tcp' | 'udp';
  readonly #request: PublisherRequest;
  readonly #path: PublisherPath;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #formats: readonly (RtpFormat | undefined)[];
  readonly #lanes: (Lane | undefined)[];
  readonly #ssrc = randomInt(1, 2 ** 32);
  #bytes = 0;
  #sentBytes = 0;
  #sentReports = 0;
  #opening: Opening | undefined;
  #receivers: TrackReceiver[] = [];
  #startedMs = 0;
  #reportAtMs = 0;
  #stopTicks: (() => void) | undefined;
  #heardMs = 0;
  #pace = new SenderPace(0);
  /** While it has to wait. */
  #stopLooking: (() => void) | undefined;
  #isTooFast = false;
  #isEnded = false;

  /**
   * @param ports of UDP; undefined: the packets come through the connection
   * @throws PerchError `unsupported` when nothing of what is announced can be taken
   */
  constructor(request: PublisherRequest, ports: UdpPorts | undefined, clock: Clock, log: Logger) {
    this.kind = ports ? 'udp' : 'tcp';
    this.#request = request;
    this.#clock = clock;
    this.#log = log.child({ path: request.name });
    this.#path = ports ? new UdpPublisherPath(ports, request.ip, this) : new TcpPublisherPath(request.owner, this);
    this.#formats = request.medias.slice(0, MAX_TRACKS).map(chooseFormat);
    this.#lanes = this.#formats.map(() => undefined);
    if (this.#formats.every((format) => format === undefined)) {
      const offer = describeOffer(request.medias.flatMap(({ formats }) => formats));
      const message = `publisher of path '${request.name}' offers ${offer}, none of which can be taken`;
      throw new PerchError('unsupported', message, { path: request.name });
    }
    for (const [media, { kind, formats }] of request.medias.slice(0, MAX_TRACKS).entries()) {
      if (!this.#formats[media] && (kind === 'audio' || kind === 'video')) {
        this.#log.warn({ kind, formats: formats.map(describeFormat) }, 'publisher offers a track that cannot be taken');
      }
    }
  }

  /** One that has to wait is not silent. */
  get heardMs(): number {
    return this.#stopLooking ? this.#clock.monoMs() : this.#heardMs;
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
    return { bytes: this.#sentBytes, rtpPackets: 0, rtcpPackets: this.#sentReports, reportedLost: 0, discarded: 0 };
  }

  setUp(media: number, wanted: Transport): Transport {
    if (media >= this.#formats.length) {
      throw new PerchError('unsupported', `media ${media}: at most ${MAX_TRACKS} are taken`);
    }
    const answer = this.#path.setUp(media, wanted);
    this.#lanes[media] = { format: this.#formats[media], receiver: undefined, reorder: undefined };
    return answer;
  }

  /** @throws PerchError `unsupported` when nothing of what is set up can be taken */
  start(sink: StreamSink): void {
    const timeline = new Timeline(this.#clock, sink.usesSenderClock);
    const receivers: TrackReceiver[] = [];
    const opening = new Opening(sink, timeline, receivers, this.#request.name, this.#log, 'publisher');
    for (const [media, lane] of this.#lanes.entries()) {
      const isTaken = lane?.format && !(sink.isSilent && this.#request.medias[media]?.kind === 'audio');
      if (isTaken) {
        const receiver = new TrackReceiver(lane.format, timeline, opening, this.#clock);
        lane.receiver = receiver;
        lane.reorder = this.kind === 'udp' ? new ReorderBuffer(receiver, lane.format.payloadType) : undefined;
        receivers.push(receiver);
      }
    }
    if (receivers.length === 0) {
      const reason = sink.isSilent
        ? 'of which nothing is left without sound (audio: no)'
        : 'none of which can be taken';
      const message = `publisher of path '${this.#request.name}' has set up tracks, ${reason}`;
      throw new PerchError('unsupported', message, { path: this.#request.name });
    }
    this.#receivers = receivers;
    this.#opening = opening;
    this.#pace = new SenderPace(this.#lanes.length);
    this.#startedMs = this.#clock.monoMs();
    this.#reportAtMs = this.#startedMs + REPORT_EVERY_MS;
    this.#stopTicks ??= this.#clock.every(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#stopTicks?.();
    this.#stopTicks = undefined;
    for (const lane of this.#lanes) {
      if (lane) {
        lane.receiver = undefined;
        lane.reorder = undefined;
      }
    }
    this.#goOn();
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.#path.onFrame(chunk, channel, start, end);
  }

  /** One RTP packet of a medium, valid during the call only. */
  rtp(media: number, chunk: Uint8Array, start: number, end: number): void {
    const nowMs = this.#clock.monoMs();
    this.#heardMs = nowMs;
    this.#bytes += end - start;
    const lane = this.#lanes[media];
    const receiver = lane?.receiver;
    if (!receiver) {
      return;
    }
    try {
      if (lane.reorder) {
        lane.reorder.push(chunk, start, end, nowMs);
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
        this.#hasComeTooFast();
      }
    }
  }

  /** One RTCP packet of a medium, valid during the call only. */
  rtcp(media: number, chunk: Uint8Array, start: number, end: number): void {
    this.#heardMs = this.#clock.monoMs();
    this.#bytes += end - start;
    this.#lanes[media]?.receiver?.control(chunk, start, end);
  }

  /** The publisher's ports are another session's now. */
  onReplaced(): void {
    this.#end('its UDP ports were taken by a newer session of the same address');
  }

  close(): void {
    this.#isEnded = true;
    this.stop();
    this.#path.close();
  }

  #tick(): void {
    const nowMs = this.#clock.monoMs();
    try {
      for (const lane of this.#lanes) {
        lane?.reorder?.flush(nowMs);
      }
      this.#opening?.check(nowMs - this.#startedMs);
      this.#watchPicture(nowMs);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#receivers.every(({ hasLeft }) => hasLeft)) {
      this.#end('the publisher has said goodbye (RTCP BYE)');
    } else if (nowMs >= this.#reportAtMs && !this.#isTooFast) {
      // One that was slowed down may be gone already, with much of what it sent still in the network's buffers:
      // bytes of ours that find nobody would make its system throw that away.
      this.#reportAtMs = nowMs + REPORT_EVERY_MS;
      this.#report();
    }
  }

  #report(): void {
    for (const [media, lane] of this.#lanes.entries()) {
      const report = lane?.receiver?.receiverReport(this.#ssrc);
      if (report) {
        this.#path.sendRtcp(media, report);
        this.#sentBytes += report.length;
        this.#sentReports += 1;
      }
    }
  }

  /** Packets that never make a whole picture are of no use to anybody: a new session begins with one. */
  #watchPicture(nowMs: number): void {
    for (const receiver of this.#receivers) {
      const fault = this.#opening?.hasLeftOut(receiver) ? undefined : brokenPicture(receiver, this.#startedMs, nowMs);
      if (fault !== undefined) {
        const { name: path } = this.#request;
        throw new PerchError('unavailable', `publisher of path '${path}' ${fault}`, { path });
      }
    }
  }

  #hasComeTooFast(): void {
    if (this.kind === 'udp') {
      this.#end('publisher sends faster than real time, which cannot be slowed down over UDP (ffmpeg: -re)');
      return;
    }
    if (!this.#isTooFast) {
      this.#isTooFast = true;
      this.#log.warn('publisher sends faster than real time: it is slowed down to it (ffmpeg: -re)');
    }
    if (!this.#stopLooking && !this.#isEnded) {
      this.#request.owner.pauseReading();
      this.#stopLooking = this.#clock.every(LOOK_EVERY_MS, () => {
        if (this.#pace.surplusMs(this.#clock.monoMs()) <= MAX_SURPLUS_MS - STEP_MS) {
          this.#goOn();
        }
      });
    }
  }

  /** The publisher need not wait any more. */
  #goOn(): void {
    if (this.#stopLooking) {
      this.#stopLooking();
      this.#stopLooking = undefined;
      this.#heardMs = this.#clock.monoMs();
      this.#request.owner.resumeReading();
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof PerchError)) {
      this.#log.error({ err: error }, 'fault in what takes a publisher');
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

/** The first format of a medium that we can take. */
function chooseFormat(media: SdpMedia): RtpFormat | undefined {
  const nobody = { onUnit: () => {}, onTrack: () => {}, onDamage: () => {} };
  return media.formats.find((format) => createDepacketizer(format, nobody) !== undefined);
}
