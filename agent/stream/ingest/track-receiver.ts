import type { Clock } from '../../base/clock.ts';
import { rethrowUnexpected } from '../../base/errors.ts';
import { createDepacketizer, isSupported } from '../../media/codecs.ts';
import type { Depacketizer, RtpFormat, SenderTraits, UnitSink } from '../../media/payload/depacketizer.ts';
import { parseRtcp, type RtcpSink, type SenderInfo } from '../../media/rtcp/parse.ts';
import { RTP_HEADER_BYTES, RtpHeader } from '../../media/rtp/header.ts';
import type { Track } from '../../media/sample/track.ts';
import type { InboundTrack, UnitOutput } from './inbound-track.ts';
import { Reception } from './reception.ts';
import { ReorderBuffer, type ReorderLimits } from './reorder-buffer.ts';
import { SsrcChoice } from './ssrc-choice.ts';
import type { Timeline } from './timeline.ts';
import type { TrackTimeline } from './track-timeline.ts';

/** Another format is followed when the present one has been silent for this long; an unknown one is reported after it. */
const STRAY_MS = 1_000;
/** Encodings of video, whose pictures may be reordered. */
const VIDEO_ENCODINGS = ['H264', 'H265', 'AV1', 'VP8', 'VP9', 'JPEG', 'MP4V-ES', 'MPV'];
const NO_PACKET = new Uint8Array(0);
const NO_OTHERS: ReadonlyMap<number, RtpFormat> = new Map();

/** One RTP stream of a camera or a publisher: from packets to access units with continuous time. Nothing is allocated per packet. */
export class TrackReceiver implements InboundTrack, UnitSink, RtcpSink {
  readonly isVideo: boolean;
  timeline: TrackTimeline;
  track: Track | undefined;
  /** The sender has sent BYE and no packet since. */
  hasLeft = false;
  lastPacketMs = 0;
  lastUnitMs = 0;
  damage: string | undefined;
  readonly reception = new Reception();
  readonly sequence = this.reception.sequence;
  readonly #header = new RtpHeader();
  #depacketizer: Depacketizer | undefined;
  readonly #output: UnitOutput;
  readonly #clock: Clock;
  #ssrc = -1;
  readonly #senders: SsrcChoice;
  readonly #timelines: Timeline;
  readonly #traits: SenderTraits;
  readonly #formats: FormatChoice;
  /** Undefined: packets arrive in order. */
  #order: ReorderBuffer | undefined;
  /** Packets are missing before the next payload. */
  #isGap = false;
  readonly #before = new AcceptedPacket();
  readonly #suspect = new SuspectPacket();

  constructor(
    format: RtpFormat,
    timeline: Timeline,
    output: UnitOutput,
    clock: Clock,
    traits: SenderTraits = {},
    others: ReadonlyMap<number, RtpFormat> = NO_OTHERS,
  ) {
    this.#formats = new FormatChoice(format, others);
    this.#output = output;
    this.#clock = clock;
    this.#timelines = timeline;
    this.#traits = traits;
    this.isVideo = VIDEO_ENCODINGS.includes(format.encoding);
    this.timeline = timeline.addTrack(format.clockRate, this.isVideo);
    this.#senders = new SsrcChoice(
      format.clockRate,
      (packet, atMs) => this.#queue(packet, 0, packet.length, atMs),
      (ssrc) => output.onStray?.(this, `packets of another sender, SSRC ${ssrc.toString(16)}`),
    );
    // Last, because it may call `onTrack` at once.
    this.#depacketizer = createDepacketizer(format, this, traits);
  }

  get format(): RtpFormat {
    return this.#formats.current;
  }

  get packets(): number {
    return this.reception.packets;
  }

  get encoding(): string {
    return this.format.encoding;
  }

  /** Whether codec and packetization are supported. */
  get isSupported(): boolean {
    return this.#depacketizer !== undefined;
  }

  /** SSRC of the sender; -1: no packet yet. */
  get ssrc(): number {
    return this.#ssrc;
  }

  /** Interarrival jitter in ticks of the RTP clock, RFC 3550 §6.4.1. */
  get jitterTicks(): number {
    return this.reception.jitter.ticks;
  }

  /** Packets of other SSRCs, left out. */
  get foreignPackets(): number {
    return this.#senders.foreignPackets;
  }

  /** Packets dropped as duplicates or too late, and those put in order. */
  get late(): number {
    return this.sequence.late + (this.#order?.late ?? 0);
  }

  get reordered(): number {
    return this.#order?.reordered ?? 0;
  }

  /** Packets are held back because one before them is missing. */
  get isWaiting(): boolean {
    return this.#order?.isWaiting === true;
  }

  /** Packets come as datagrams, from now on in any order. */
  reorder(limits?: ReorderLimits): void {
    const sink = {
      packet: (chunk: Uint8Array, start: number, end: number, atMs: number) => this.#inOrder(chunk, start, end, atMs),
    };
    this.#order = new ReorderBuffer(sink, this.format.payloadType, limits);
  }

  /** SETUP was answered. @param ssrc the SSRC that its Transport announces */
  announce(ssrc: number | undefined): void {
    this.#senders.announce(ssrc);
  }

  /** PLAY was answered. @param sequence of the first packet by RTP-Info */
  begin(sequence: number | undefined): void {
    this.#senders.begin(sequence);
  }

  /** Called before the first packet, if its sender is known. */
  startWith(ssrc: number): void {
    this.#senders.startWith(ssrc);
  }

  /** An SSRC or a first sequence number is announced. */
  get isAnnounced(): boolean {
    return this.#senders.isAnnounced;
  }

  /** Whether SETUP's Transport or RTP-Info names the sender of this packet. */
  isNamed(packet: Uint8Array): boolean {
    return this.#senders.isNamed(packet);
  }

  /** Whether it has the header of an RTP packet of the track. */
  isMedia(packet: Uint8Array): boolean {
    const [first = 0, second = 0] = packet;
    return packet.length >= RTP_HEADER_BYTES && first >> 6 === 2 && this.payloadTypes.includes(second & 0x7f);
  }

  /** Called at intervals, to end waits when no packet arrives. @param nowMs monotonic */
  flush(nowMs: number): void {
    this.#senders.tick(nowMs);
    this.#order?.flush(nowMs);
    const { strayType } = this.#formats;
    if (strayType >= 0 && this.packets === 0 && this.damage === undefined && this.#formats.isStray(nowMs)) {
      const reason = `packets of payload type ${strayType}, which its description does not have`;
      this.damage = reason;
      this.#output.onStray?.(this, reason);
    }
  }

  /** Payload types that may arrive. */
  get payloadTypes(): number[] {
    return this.#formats.payloadTypes;
  }

  /** One RTP packet in `chunk[start, end)`. @param atMs monotonic time of arrival; @returns whether it is media of this track */
  packet(chunk: Uint8Array, start: number, end: number, atMs: number): boolean {
    if (end - start < RTP_HEADER_BYTES || (chunk[start] as number) >> 6 !== 2) {
      this.reception.badPackets += 1;
      return false;
    }
    const type = (chunk[start + 1] as number) & 0x7f;
    if (type !== this.format.payloadType && !(end - start > RTP_HEADER_BYTES && this.#changesTo(type, atMs))) {
      // GeoVision cameras mix in packets of type 50, whose format is unknown.
      this.reception.badPackets += 1;
      return false;
    }
    return this.#senders.takes(chunk, start, end, atMs, this.hasLeft) && this.#queue(chunk, start, end, atMs);
  }

  /** Whether packets of another payload type are the track's from now on: its own one has not come, or not for a while. */
  #changesTo(type: number, atMs: number): boolean {
    const { clockRate } = this.format;
    const silentSinceMs = this.packets > 0 ? this.lastPacketMs : Number.NEGATIVE_INFINITY;
    if (!this.#formats.changesTo(type, silentSinceMs, atMs)) {
      return false;
    }
    if (this.format.clockRate !== clockRate) {
      this.timeline = this.#timelines.addTrack(this.format.clockRate, this.isVideo, this.timeline);
    }
    this.track = undefined;
    this.sequence.reset();
    this.reception.jitter.restart();
    if (this.#order) {
      this.reorder(this.#order.limits);
    }
    this.#depacketizer = createDepacketizer(this.format, this, this.#traits);
    return true;
  }

  #queue(chunk: Uint8Array, start: number, end: number, atMs: number): boolean {
    return this.#order ? this.#order.push(chunk, start, end, atMs) : this.#inOrder(chunk, start, end, atMs);
  }

  #inOrder(chunk: Uint8Array, start: number, end: number, atMs: number): boolean {
    const header = this.#header;
    try {
      header.parse(chunk, start, end);
    } catch (error) {
      rethrowUnexpected(error);
      this.reception.badPackets += 1;
      return false;
    }
    // A new SSRC with the next sequence number is the same sender; with another number it is a new sender, of which no packet is missing.
    const isOther = header.ssrc !== this.#ssrc && this.#ssrc >= 0 && !this.sequence.isNext(header.sequence);
    if (isOther) {
      this.sequence.reset();
    }
    // A packet with an older timestamp is not late, but from another clock.
    const isLater = this.#before.isBefore(header.timestamp, 10 * this.format.clockRate);
    const arrival = this.sequence.push(header.sequence, isLater);
    this.#ssrc = header.ssrc;
    this.reception.packets += 1;
    this.hasLeft = false;
    this.lastPacketMs = atMs;
    if (arrival === 'drop') {
      return true;
    }
    if (arrival === 'suspect') {
      this.#suspect.keep(chunk.slice(start, end), atMs);
      return true;
    }
    if (isOther) {
      this.#restart();
    } else if (arrival === 'restart') {
      this.#restartWithSuspect(chunk, start, end);
    }
    this.#take(chunk, atMs, arrival === 'gap');
    return true;
  }

  /** Processes the last parsed packet. */
  #take(chunk: Uint8Array, atMs: number, isGap: boolean): void {
    const header = this.#header;
    this.reception.jitter.push(header.timestamp, atMs, this.format.clockRate);
    const mayBegin = !this.isVideo || this.#before.mayEndSample;
    const ticks = this.timeline.arrive(header.timestamp, atMs, mayBegin);
    this.#isGap ||= isGap;
    this.#before.accept(header);
    if (header.payloadEnd > header.payloadStart) {
      this.#depacketizer?.push(chunk, header.payloadStart, header.payloadEnd, ticks, header.marker, this.#isGap);
      this.#isGap = false;
    }
  }

  /**
   * The last parsed packet is the first of a restarted sequence. No packet is missing before it, unless the current
   * picture has another timestamp and no marker yet.
   */
  #restart(): void {
    this.#isGap ||= !this.#before.isMarked && this.#header.timestamp !== this.#before.timestamp;
    this.timeline.restart();
    this.reception.jitter.restart();
  }

  /** Processes the suspect packet, then parses the current one again. */
  #restartWithSuspect(chunk: Uint8Array, start: number, end: number): void {
    const { atMs } = this.#suspect;
    const suspect = this.#suspect.take();
    this.#header.parse(suspect, 0, suspect.length);
    this.#restart();
    this.#take(suspect, atMs, false);
    this.#header.parse(chunk, start, end);
  }

  /** One RTCP packet in `chunk[start, end)`. */
  control(chunk: Uint8Array, start: number, end: number): void {
    this.reception.controlPackets += 1;
    try {
      parseRtcp(chunk, start, end, this);
    } catch (error) {
      rethrowUnexpected(error);
      this.reception.badControlPackets += 1;
    }
  }

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    this.lastUnitMs = this.lastPacketMs;
    this.damage = undefined;
    const later = this.timeline.spread(pts, dts, this.lastPacketMs);
    this.#output.onUnit(this, pts + later, dts + later, key, data);
  }

  onTrack(track: Track): void {
    this.track = track;
    this.timeline.clockRate = track.clockRate;
    this.#output.onTrack(this, track);
  }

  onDamage(reason: string): void {
    this.damage = reason;
    this.#output.onDamage(this, reason);
  }

  onSenderReport(info: SenderInfo): void {
    if (!this.#senders.isForeign(info.ssrc) && this.reception.takesReport(info, this.#ssrc, this.#clock.monoMs())) {
      this.timeline.report(info.unixMs, info.timestamp);
    }
  }

  /** Other senders' BYE is ignored: readers of the same group, and the SSRCs that Tapo and Hanwha confuse. */
  onBye(ssrc: number): void {
    this.hasLeft ||= ssrc === this.#ssrc;
  }

  /**
   * The receiver report for the camera, RFC 3550 §6.4.2; undefined before the first packet.
   * @param repaired lost packets so far that were retransmitted in another stream: they count as lost
   */
  receiverReport(ssrc: number, repaired = 0): Uint8Array | undefined {
    return this.#ssrc < 0 ? undefined : this.reception.report(ssrc, this.#ssrc, repaired, this.#clock.monoMs());
  }
}

/** The last accepted packet. */
class AcceptedPacket {
  /** RTP timestamp; -1: none yet. */
  timestamp = -1;
  isMarked = false;
  #hasMarkers = false;

  accept({ timestamp, marker }: RtpHeader): void {
    this.timestamp = timestamp;
    this.isMarked = marker;
    this.#hasMarkers ||= marker;
  }

  /** It is the last of its sample, as far as markers tell. */
  get mayEndSample(): boolean {
    return this.isMarked || !this.#hasMarkers;
  }

  /** Whether a timestamp is neither equal to its own nor shortly before it. */
  isBefore(timestamp: number, maxLateTicks: number): boolean {
    const stepTicks = (timestamp - this.timestamp) | 0;
    return this.timestamp >= 0 && (stepTicks > 0 || stepTicks < -maxLateTicks);
  }
}

/** A copy of the previous packet, if its sequence number was out of range. */
class SuspectPacket {
  atMs = 0;
  #packet: Uint8Array = NO_PACKET;

  keep(packet: Uint8Array, atMs: number): void {
    this.#packet = packet;
    this.atMs = atMs;
  }

  take(): Uint8Array {
    const packet = this.#packet;
    this.#packet = NO_PACKET;
    return packet;
  }
}

/** The format of a track's packets, which a sender may change to another of its description. */
class FormatChoice {
  current: RtpFormat;
  /** Other formats, by payload type. */
  readonly #others: ReadonlyMap<number, RtpFormat>;
  #changedMs = Number.NEGATIVE_INFINITY;
  /** The first payload type outside of them; -1: none. */
  strayType = -1;
  #strayAtMs = 0;

  constructor(format: RtpFormat, others: ReadonlyMap<number, RtpFormat>) {
    this.current = format;
    this.#others = others;
  }

  get payloadTypes(): number[] {
    return [this.current.payloadType, ...this.#others.keys()];
  }

  /** Whether the stray type has been there for a while. */
  isStray(nowMs: number): boolean {
    return nowMs - this.#strayAtMs >= STRAY_MS;
  }

  /** @param silentSinceMs arrival of the last packet of the current format; @returns whether packets of this type are the track's from now on */
  changesTo(type: number, silentSinceMs: number, atMs: number): boolean {
    const format = this.#others.get(type);
    if (!format || !isSupported(format)) {
      if (this.strayType < 0) {
        this.strayType = type;
        this.#strayAtMs = atMs;
      }
      return false;
    }
    if (atMs - Math.max(silentSinceMs, this.#changedMs) < STRAY_MS) {
      return false;
    }
    this.#changedMs = atMs;
    this.current = format;
    return true;
  }
}
