import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { isRelayable, isSupported } from '../../../media/codecs.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import { describeFormat, describeOffer } from '../../../media/sdp/describe-format.ts';
import { formatsByType, relayKindOf, type SdpMedia } from '../../../media/sdp/parse.ts';
import type { StreamSink } from '../../../stream/contracts.ts';
import { isMpegts, MultiplexInput } from '../../../stream/ingest/multiplex-input.ts';
import { SenderPace } from '../../../stream/ingest/pace.ts';
import { MAX_SURPLUS_MS, ReadThrottle } from '../../../stream/ingest/read-throttle.ts';
import { StreamWriter } from '../../../stream/ingest/stream-writer.ts';
import { Timeline } from '../../../stream/ingest/timeline.ts';
import { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import { createMasterKey, mikeyOf, srtpKeys } from '../../../transports/webrtc/srtp/master-key.ts';
import { MediaDecryptor } from '../../../transports/webrtc/srtp/media-decryptor.ts';
import { Srtcp } from '../../../transports/webrtc/srtp/srtcp.ts';
import {
  type MediaReceiver,
  NOTHING_SENT,
  type PublisherRequest,
  type ReceiveCounts,
  type SendCounts,
} from './media-plane.ts';
import { type PublisherTransport, TcpPublisherTransport, UdpPublisherTransport } from './publisher-transport.ts';
import type { UdpPorts } from './udp-ports.ts';

/** SRTP of a publisher: each of its media has a key, our reports have one together. */
class SecureReception {
  /** Packets that were damaged, forged or repeated. */
  rejected = 0;
  readonly #decryptors: (MediaDecryptor | undefined)[] = [];
  readonly #master = createMasterKey();
  readonly #reports = new Srtcp(srtpKeys(this.#master, this.#master));

  setUp(media: number, key: MikeyMessage): void {
    this.#decryptors[media] = new MediaDecryptor(key);
  }

  /** @param ssrc SSRC of our reports @param wallMs current time */
  ownKey(ssrc: number, wallMs: number): MikeyMessage {
    return mikeyOf(this.#master, [{ ssrc, rollOverCounter: 0 }], wallMs);
  }

  /** Decrypts in place. @returns the packet, a view, or undefined if rejected */
  rtp(media: number, chunk: Uint8Array, start: number, end: number): Uint8Array | undefined {
    const packet = this.#decryptors[media]?.rtp(chunk, start, end);
    this.rejected += packet ? 0 : 1;
    return packet;
  }

  /** @returns the compound packet, or undefined if rejected */
  rtcp(media: number, chunk: Uint8Array, start: number, end: number): Buffer | undefined {
    return this.#decryptors[media]?.rtcp(chunk, start, end);
  }

  encryptReport(report: Uint8Array): Buffer {
    return this.#reports.protect(report);
  }
}

const MAX_TRACKS = 16;
const TICK_MS = 500;
const REPORT_EVERY_MS = 10_000;
/** Limit for a demuxed transport stream without media. The pauses of a publisher that is slowed down are shorter. */
const MISSING_MS = 20_000;
/** Over UDP, which has no back-pressure, media may be this far ahead of real time. */
const MAX_UDP_SURPLUS_MS = 10_000;

interface MediaTrack {
  /** The first supported format, or undefined if packets are dropped. */
  readonly format: RtpFormat | undefined;
  /** Set while recording. */
  receiver: TrackReceiver | undefined;
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
  /** Undefined: plain RTP. */
  #secure: SecureReception | undefined;
  #bytes = 0;
  readonly #sent = { bytes: 0, reports: 0 };
  #streamWriter: StreamWriter | undefined;
  #multiplex: MultiplexInput | undefined;
  #receivers: TrackReceiver[] = [];
  #startedMs = 0;
  #reportAtMs = 0;
  #stopTicks: (() => void) | undefined;
  #lastReceivedMs = 0;
  #pace = new SenderPace(0);
  readonly #brake: ReadThrottle;
  #isTooFast = false;
  #isEnded = false;

  /**
   * @param ports for UDP, or undefined if interleaved
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
    this.#brake = new ReadThrottle(link, () => this.#pace.surplusMs(clock.monoMs()), clock);
    const medias = request.medias.slice(0, MAX_TRACKS);
    const known = medias.map(({ formats }) => formats.find(isSupported));
    const hasKnown = known.some((format) => format !== undefined);
    this.#formats = known.map((format, i) => format ?? (hasKnown ? relayedFormat(medias[i]) : undefined));
    this.#tracks = this.#formats.map(() => undefined);
    if (this.#formats.every((format) => format === undefined)) {
      const offer = describeOffer(request.medias.flatMap(({ formats }) => formats));
      const message = `publisher of path '${request.name}' offers ${offer}, none of which is supported`;
      throw new PerchError('unsupported', message, { path: request.name });
    }
    for (const [media, { kind, formats }] of medias.entries()) {
      if (!known[media] && (kind === 'audio' || kind === 'video')) {
        const isRelayed = this.#formats[media] !== undefined;
        const what = isRelayed ? 'unknown track goes to RTSP readers only' : 'publisher offers an unsupported track';
        this.#log.warn({ kind, formats: formats.map(describeFormat) }, what);
      }
    }
  }

  get isSecure(): boolean {
    return this.#secure !== undefined;
  }

  /** Monotonic time of the last packet; now while the publisher is slowed down, which is not silence. */
  get lastReceivedMs(): number {
    return this.#brake.isPulled ? this.#clock.monoMs() : this.#lastReceivedMs;
  }

  get received(): ReceiveCounts {
    const receivers = this.#receivers;
    const sum = (of: (receiver: TrackReceiver) => number) => receivers.reduce((total, other) => total + of(other), 0);
    return {
      bytes: this.#bytes,
      rtpPackets: sum(({ packets }) => packets),
      lost: sum(({ sequence }) => sequence.lost),
      inError:
        sum(({ reception, foreignPackets }) => reception.badPackets + foreignPackets) + (this.#secure?.rejected ?? 0),
      jitterTicks: receivers.length === 0 ? 0 : sum(({ jitterTicks }) => jitterTicks) / receivers.length,
      rtcpPackets: sum(({ reception }) => reception.controlPackets),
      rtcpInError: sum(({ reception }) => reception.badControlPackets),
    };
  }

  get sent(): SendCounts {
    return { ...NOTHING_SENT, bytes: this.#sent.bytes, rtcpPackets: this.#sent.reports };
  }

  setUp(media: number, wanted: Transport, key = this.#request.medias[media]?.key): Transport {
    if (media >= this.#formats.length) {
      throw new PerchError('unsupported', `media ${media}: the limit is ${MAX_TRACKS}`);
    }
    if (wanted.isSecure && !key) {
      throw new PerchError('badInput', 'SETUP of RTP/SAVP without a key: neither KeyMgmt nor a=key-mgmt');
    }
    const answer = this.#transport.setUp(media, wanted);
    if (wanted.isSecure && key) {
      this.#secure ??= new SecureReception();
      this.#secure.setUp(media, key);
    }
    this.#tracks[media] = { format: this.#formats[media], receiver: undefined };
    return answer;
  }

  keyOf(): MikeyMessage | undefined {
    return this.#secure?.ownKey(this.#ssrc, this.#clock.wallMs());
  }

  /** @throws PerchError `unsupported` if no format of a set up medium is supported */
  start(sink: StreamSink): void {
    const timeline = new Timeline(this.#clock, sink.usesSenderClock);
    const receivers: TrackReceiver[] = [];
    const { name, medias } = this.#request;
    const streamWriter = new StreamWriter(sink, timeline, receivers, name, this.#log, 'publisher');
    const options = { name, sender: 'publisher', readTimeoutMs: MISSING_MS, audio: !sink.isSilent } as const;
    const isDemuxed = sink.demuxesMpegts && isMpegts(medias);
    this.#multiplex = isDemuxed ? new MultiplexInput(sink, options, this.#clock, this.#log) : undefined;
    for (const [media, track] of this.#tracks.entries()) {
      const isUsed = track?.format && !(sink.isSilent && this.#request.medias[media]?.kind === 'audio');
      if (isUsed) {
        const output = this.#multiplex ?? streamWriter;
        const relayAs = relayKindOf(medias[media]);
        const isRelay = relayAs !== undefined && isRelayable(track.format);
        const traits = isRelay ? { relayAs } : {};
        const others = isRelay || !medias[media] ? undefined : formatsByType(medias[media]);
        const receiver = new TrackReceiver(track.format, timeline, output, this.#clock, traits, others);
        track.receiver = receiver;
        if (this.kind === 'udp') {
          receiver.reorder();
        }
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
      }
    }
    this.#brake.release();
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.#transport.onFrame(chunk, channel, start, end);
  }

  /** An RTP packet, valid during the call only; SRTP is decrypted in place. */
  rtp(media: number, chunk: Uint8Array, start: number, end: number): void {
    this.#bytes += end - start;
    if (!this.#secure) {
      this.#packet(media, chunk, start, end);
      return;
    }
    const packet = this.#secure.rtp(media, chunk, start, end);
    if (packet) {
      this.#packet(media, packet, 0, packet.length);
    }
  }

  #packet(media: number, chunk: Uint8Array, start: number, end: number): void {
    const nowMs = this.#clock.monoMs();
    this.#lastReceivedMs = nowMs;
    const track = this.#tracks[media];
    const receiver = track?.receiver;
    if (!receiver) {
      return;
    }
    try {
      receiver.packet(chunk, start, end, nowMs);
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
    this.#bytes += end - start;
    const receiver = this.#tracks[media]?.receiver;
    if (!this.#secure) {
      this.#lastReceivedMs = this.#clock.monoMs();
      receiver?.control(chunk, start, end);
      return;
    }
    const packet = this.#secure.rtcp(media, chunk, start, end);
    if (packet) {
      this.#lastReceivedMs = this.#clock.monoMs();
      receiver?.control(packet, 0, packet.length);
    }
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
        track?.receiver?.flush(nowMs);
      }
      if (this.#multiplex) {
        this.#multiplex.check();
      } else {
        this.#streamWriter?.check(nowMs);
        // A publisher without a decodable picture has to start a new session.
        this.#streamWriter?.checkPictures(nowMs, this.#startedMs);
      }
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
      const plain = track?.receiver?.receiverReport(this.#ssrc);
      if (plain) {
        const report = this.#secure?.encryptReport(plain) ?? plain;
        this.#transport.sendRtcp(media, report);
        this.#sent.bytes += report.length;
        this.#sent.reports += 1;
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

const relayedFormat = (media: SdpMedia | undefined): RtpFormat | undefined =>
  relayKindOf(media) && media?.formats.find(isRelayable);
