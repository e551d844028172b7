import { AckHistory } from './ack-history.ts';
import type { Encryption } from './encryption.ts';
import { KeyExchange } from './key-exchange.ts';
import { readRanges, writeRange } from './loss-list.ts';
import {
  addSequence,
  CONTROL,
  type ControlType,
  controlTypeOf,
  HEADER_BYTES,
  IP_UDP_BYTES,
  isControl,
  MAX_PAYLOAD_BYTES,
  MTU_BYTES,
  writeControlHeader,
} from './packet.ts';
import { MAX_WINDOW } from './packet-ring.ts';
import { Receiver } from './receiver.ts';
import { RoundTrip } from './rtt.ts';
import { Sender } from './sender.ts';
import { SrtStatistics } from './statistics.ts';
import { TsbpdClock } from './tsbpd-clock.ts';

const KEEPALIVE_US = 1_000_000;
const LIGHT_ACK_PACKETS = 64;
/** Ticks further apart than `STALL_US` show that the process was held up. Packets of that time are read within `GRACE_US`. */
const STALL_US = 30_000;
const GRACE_US = 20_000;
const FULL_ACK_BYTES = HEADER_BYTES + 28;
/** SRT's own limit, 1 Gbit/s. */
const UNLIMITED_BANDWIDTH = 125_000_000;

export interface ConnectionOptions {
  /** Socket ID of this end; the other end sends to it. */
  readonly socketId: number;
  readonly peerSocketId: number;
  /** IP address of the peer, canonical, without zone. */
  readonly ip: string;
  readonly port: number;
  readonly firstSequence: number;
  readonly peerFirstSequence: number;
  /** Latency of packets to this end. */
  readonly latencyMs: number;
  readonly peerLatencyMs: number;
  readonly peerFlowWindow: number;
  readonly encryption: Encryption | undefined;
  /** When time stamps of this end are 0, in µs. */
  readonly startUs: number;
  /** The peer's handshake: time stamp and arrival. */
  readonly peerTimestamp: number;
  readonly peerArrivedUs: number;
  /** Five seconds at least. */
  readonly idleTimeoutMs?: number | undefined;
  /** Bytes per second; default: 1 Gbit/s. */
  readonly maxBandwidth?: number | undefined;
}

interface ConnectionHandlers {
  /** A payload, in order, when it is due; a view that is valid during the call only. */
  onPayload(payload: Uint8Array): void;
  /** The connection has ended: by the peer, by a timeout or by `close`. */
  onClose(reason: string): void;
}

export type SrtValues = SrtConnection['values'];

/** Sends `bytes[start, start + length)` to the peer. */
type SendDatagram = (bytes: Buffer, start: number, length: number, port: number, ip: string) => void;

const IGNORED: ConnectionHandlers = { onPayload: () => {}, onClose: () => {} };

/** One SRT connection after its handshake. The endpoint passes datagrams and ticks. Times are monotonic, in µs. */
export class SrtConnection {
  readonly options: ConnectionOptions;
  readonly statistics = new SrtStatistics();
  /** Set before the first turn of the event loop ends: no packet is handled earlier. */
  handlers: ConnectionHandlers = IGNORED;
  readonly #send: SendDatagram;
  readonly #onEnd: (connection: SrtConnection) => void;
  readonly #roundTrip = new RoundTrip();
  readonly #clock: TsbpdClock;
  readonly #capacity = new LinkCapacity();
  readonly #keys: KeyExchange;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  /** Ranges that do not fit in a loss list are reported with the next one. */
  readonly #control = Buffer.alloc(HEADER_BYTES + MAX_PAYLOAD_BYTES);
  #isClosed = false;
  #lastReceivedUs: number;
  #lastSentUs: number;
  readonly #acks: AckHistory;
  #sinceAck = 0;
  #tickedUs: number;
  #skipsFromUs = 0;
  #peerCapacity = 0;

  constructor(
    options: ConnectionOptions,
    send: SendDatagram,
    onEnd: (connection: SrtConnection) => void,
    nowUs: number,
  ) {
    this.options = options;
    this.#send = send;
    this.#onEnd = onEnd;
    this.#clock = new TsbpdClock(options.peerArrivedUs, options.peerTimestamp, options.latencyMs);
    this.#lastReceivedUs = nowUs;
    this.#lastSentUs = nowUs;
    this.#tickedUs = nowUs;
    this.#acks = new AckHistory(options.peerFirstSequence);
    const { encryption } = options;
    this.#keys = new KeyExchange(encryption, this.statistics, (subtype, message, timeUs) =>
      this.#sendKeys(subtype, message, timeUs),
    );
    this.#sender = new Sender(
      {
        firstSequence: options.firstSequence,
        peerSocketId: options.peerSocketId,
        latencyMs: options.peerLatencyMs,
        flowWindow: Math.max(1, Math.min(options.peerFlowWindow, MAX_WINDOW)),
        maxBandwidth: options.maxBandwidth ?? UNLIMITED_BANDWIDTH,
      },
      encryption,
      this.statistics,
      this.#roundTrip,
      (bytes, start, length, sentUs) => this.#transmit(bytes, start, length, sentUs),
    );
    this.#receiver = new Receiver(options.peerFirstSequence, this.#clock, encryption, this.statistics, (payload) =>
      this.handlers.onPayload(payload),
    );
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Packets wait for pacing: `pump` within a millisecond. */
  get hasBacklog(): boolean {
    return this.#sender.hasBacklog;
  }

  /** Packets that are not acknowledged, those that have not been sent included. */
  get buffered(): number {
    return this.#sender.buffered;
  }

  /**
   * Takes `bytes[start, end)`, which are copied, in packets; what a full send buffer has no place for is dropped.
   * @param packetBytes of the payload of each packet but the last, at most 1456
   */
  write(bytes: Uint8Array, start: number, end: number, packetBytes: number, nowUs: number): void {
    if (this.#isClosed) {
      return;
    }
    const timestamp = this.#timestamp(nowUs);
    for (let at = start; at < end; at += packetBytes) {
      this.#sender.submit(bytes, at, Math.min(at + packetBytes, end), timestamp, nowUs);
    }
    this.#sender.pump(nowUs);
  }

  pump(nowUs: number): void {
    this.#sender.pump(nowUs);
  }

  /** @param packet for this socket, from the peer's address */
  receive(packet: Buffer, nowUs: number): void {
    // SRT sends no larger packets, and one could ask for hundreds of answers.
    if (this.#isClosed || packet.length < HEADER_BYTES || packet.length > HEADER_BYTES + MAX_PAYLOAD_BYTES) {
      return;
    }
    this.#lastReceivedUs = nowUs;
    if (isControl(packet)) {
      this.#receiveControl(packet, nowUs);
    } else {
      this.#receiveData(packet, nowUs);
    }
  }

  /** Called every 10 ms. */
  tick(nowUs: number): void {
    // As in libsrt. A peer with nothing to send sends a keepalive each second.
    const idleUs = 1000 * Math.max(this.options.idleTimeoutMs ?? 0, 5_000);
    if (nowUs - this.#lastReceivedUs > idleUs) {
      this.close('the peer is silent', nowUs);
      return;
    }
    if (nowUs - this.#tickedUs > STALL_US) {
      this.#skipsFromUs = nowUs + GRACE_US;
    }
    this.#tickedUs = nowUs;
    this.#receiver.deliver(nowUs, this.#maySkip(nowUs));
    if (this.#isClosed) {
      return;
    }
    this.#sendFullAck(nowUs);
    this.#sendDueNak(nowUs);
    this.#sender.tick(nowUs);
    this.#keys.tick(this.#roundTrip.rttUs, nowUs);
    if (nowUs - this.#lastSentUs >= KEEPALIVE_US) {
      this.#sendControl(CONTROL.keepalive, 0, 0, HEADER_BYTES, nowUs);
    }
    this.statistics.tick(nowUs);
  }

  /** Whether missing packets may be skipped: they may wait in the socket after the process was held up. */
  #maySkip(nowUs: number): boolean {
    return nowUs >= this.#skipsFromUs && nowUs - this.#tickedUs <= STALL_US;
  }

  /** Sends a shutdown to the peer and ends the connection. Later calls have no effect. */
  close(reason: string, nowUs: number): void {
    if (!this.#isClosed) {
      // libsrt reads four bytes after the header.
      this.#control.writeUInt32BE(0, HEADER_BYTES);
      this.#sendControl(CONTROL.shutdown, 0, 0, HEADER_BYTES + 4, nowUs);
      this.#end(reason);
    }
  }

  /** Values for the API, under MediaMTX's names. */
  get values() {
    return { ...this.statistics.counters, ...this.#gauges };
  }

  get #gauges() {
    const { latencyMs, peerLatencyMs, maxBandwidth = UNLIMITED_BANDWIDTH } = this.options;
    const sender = this.#sender;
    const receiver = this.#receiver;
    const buffered = sender.buffered;
    const packetBytes = MTU_BYTES - IP_UDP_BYTES;
    return {
      usPacketsSendPeriod: (MTU_BYTES * 1_000_000) / maxBandwidth,
      packetsFlowWindow: sender.flowWindow,
      packetsFlightSize: sender.inFlight,
      msRTT: this.#roundTrip.rttUs / 1000,
      mbpsLinkCapacity: (8 * MTU_BYTES * (this.#peerCapacity || this.#capacity.packetsPerSecond)) / 1_000_000,
      bytesAvailSendBuf: (MAX_WINDOW - buffered) * packetBytes,
      bytesAvailReceiveBuf: receiver.free * packetBytes,
      mbpsMaxBW: (8 * maxBandwidth) / 1_000_000,
      byteMSS: MTU_BYTES,
      packetsSendBuf: buffered,
      bytesSendBuf: sender.bufferedBytes + buffered * (HEADER_BYTES + IP_UDP_BYTES),
      msSendBuf: sender.bufferedMs,
      msSendTsbPdDelay: peerLatencyMs,
      packetsReceiveBuf: receiver.stored,
      bytesReceiveBuf: receiver.storedBytes + receiver.stored * (HEADER_BYTES + IP_UDP_BYTES),
      msReceiveBuf: receiver.storedMs,
      msReceiveTsbPdDelay: latencyMs,
      packetsReorderTolerance: 0,
    };
  }

  #receiveData(packet: Buffer, nowUs: number): void {
    const receiver = this.#receiver;
    const sequence = packet.readUInt32BE(0);
    this.#capacity.add(sequence, nowUs);
    const missing = receiver.receive(packet, nowUs);
    if (missing > 0) {
      this.#sendNak(addSequence(sequence, -missing), addSequence(sequence, -1), nowUs);
    }
    receiver.deliver(nowUs, this.#maySkip(nowUs));
    this.#sinceAck += 1;
    if (this.#sinceAck >= LIGHT_ACK_PACKETS && receiver.acknowledged !== this.#acks.newest) {
      this.#sinceAck = 0;
      this.#control.writeUInt32BE(receiver.acknowledged, HEADER_BYTES);
      this.#sendControl(CONTROL.ack, 0, 0, HEADER_BYTES + 4, nowUs);
    }
  }

  #receiveControl(packet: Buffer, nowUs: number): void {
    const type = controlTypeOf(packet);
    if (type === CONTROL.ack) {
      this.#receiveAck(packet, nowUs);
    } else if (type === CONTROL.ackAck) {
      this.#receiveAckAck(packet, nowUs);
    } else if (type === CONTROL.nak) {
      this.#receiveNak(packet, nowUs);
    } else if (type === CONTROL.dropRequest && packet.length >= HEADER_BYTES + 8) {
      this.#receiver.dropRange(packet.readUInt32BE(16) & 0x7fff_ffff, packet.readUInt32BE(20) & 0x7fff_ffff);
    } else if (type === CONTROL.shutdown) {
      this.#end('closed by the peer');
    } else if (type === CONTROL.user) {
      this.#keys.receive(packet, nowUs);
    }
  }

  #receiveAck(packet: Buffer, nowUs: number): void {
    if (packet.length < HEADER_BYTES + 4) {
      return;
    }
    this.statistics.counts.packetsReceivedACK += 1;
    const number = packet.readUInt32BE(4);
    const next = packet.readUInt32BE(HEADER_BYTES) & 0x7fff_ffff;
    const isLight = packet.length < HEADER_BYTES + 16;
    const window = isLight ? undefined : packet.readUInt32BE(HEADER_BYTES + 12);
    if (!isLight && number !== 0) {
      this.#sendControl(CONTROL.ackAck, 0, number, HEADER_BYTES, nowUs);
    }
    this.#sender.acknowledge(next, window, nowUs);
    if (!isLight) {
      this.#roundTrip.add(packet.readUInt32BE(HEADER_BYTES + 4));
    }
    if (packet.length >= HEADER_BYTES + 24) {
      this.#peerCapacity = packet.readUInt32BE(HEADER_BYTES + 20);
    }
    this.#sender.pump(nowUs);
  }

  #receiveAckAck(packet: Buffer, nowUs: number): void {
    const sentUs = this.#acks.confirm(packet.readUInt32BE(4));
    if (sentUs !== undefined) {
      this.#roundTrip.add(nowUs - sentUs);
      this.#clock.sample(packet.readUInt32BE(8), nowUs, this.#roundTrip.rttUs);
    }
  }

  #receiveNak(packet: Buffer, nowUs: number): void {
    this.statistics.counts.packetsReceivedNAK += 1;
    readRanges(packet, HEADER_BYTES, (first, last) => {
      const gone = this.#sender.reportLoss(first, last, nowUs);
      if (gone !== undefined) {
        this.#control.writeUInt32BE(first, HEADER_BYTES);
        this.#control.writeUInt32BE(gone, HEADER_BYTES + 4);
        this.#sendControl(CONTROL.dropRequest, 0, 0, HEADER_BYTES + 8, nowUs);
      }
    });
    this.#sender.pump(nowUs);
  }

  #sendKeys(subtype: number, message: Uint8Array, nowUs: number): void {
    if (this.#isClosed) {
      return;
    }
    this.statistics.counts.packetsSentKM += 1;
    this.#control.set(message, HEADER_BYTES);
    this.#sendControl(CONTROL.user, subtype, 0, HEADER_BYTES + message.length, nowUs);
  }

  #sendFullAck(nowUs: number): void {
    const sequence = this.#receiver.acknowledged;
    const { rttUs, varianceUs } = this.#roundTrip;
    if (!this.#acks.isDue(sequence, rttUs + 4 * varianceUs, nowUs)) {
      return;
    }
    this.#sinceAck = 0;
    const number = this.#acks.add(sequence, nowUs);
    this.statistics.counts.packetsSentACK += 1;
    const { receiveRate } = this.statistics;
    const to = this.#control;
    to.writeUInt32BE(sequence, HEADER_BYTES);
    to.writeUInt32BE(Math.round(rttUs), HEADER_BYTES + 4);
    to.writeUInt32BE(Math.round(varianceUs), HEADER_BYTES + 8);
    to.writeUInt32BE(Math.max(2, this.#receiver.free), HEADER_BYTES + 12);
    to.writeUInt32BE(Math.round(receiveRate.packetsPerSecond), HEADER_BYTES + 16);
    to.writeUInt32BE(this.#capacity.packetsPerSecond, HEADER_BYTES + 20);
    to.writeUInt32BE(Math.round(receiveRate.bytesPerSecond), HEADER_BYTES + 24);
    this.#sendControl(CONTROL.ack, 0, number, FULL_ACK_BYTES, nowUs);
  }

  #sendNak(first: number, last: number, nowUs: number): void {
    this.statistics.counts.packetsSentNAK += 1;
    const end = writeRange(this.#control, HEADER_BYTES, first, last);
    this.#sendControl(CONTROL.nak, 0, 0, end, nowUs);
  }

  #sendDueNak(nowUs: number): void {
    const end = this.#receiver.losses.write(this.#control, HEADER_BYTES, this.#roundTrip.nakIntervalUs, nowUs);
    if (end > HEADER_BYTES) {
      this.statistics.counts.packetsSentNAK += 1;
      this.#sendControl(CONTROL.nak, 0, 0, end, nowUs);
    }
  }

  #sendControl(type: ControlType, subtype: number, info: number, size: number, nowUs: number): void {
    writeControlHeader(this.#control, type, subtype, info, this.#timestamp(nowUs), this.options.peerSocketId);
    this.#lastSentUs = nowUs;
    // libuv may keep what the kernel does not take at once.
    const packet = Buffer.from(this.#control.subarray(0, size));
    this.#send(packet, 0, size, this.options.port, this.options.ip);
  }

  #transmit(bytes: Buffer, start: number, length: number, nowUs: number): void {
    this.#lastSentUs = nowUs;
    this.#send(bytes, start, length, this.options.port, this.options.ip);
  }

  #timestamp(nowUs: number): number {
    return Math.round(nowUs - this.options.startUs) % 2 ** 32;
  }

  #end(reason: string): void {
    this.#isClosed = true;
    this.#onEnd(this);
    this.handlers.onClose(reason);
  }
}

/** Packet pairs: a sender sends the next packet at once after every sixteenth one. */
const PROBE_MASK = 0x0f;
const SHARE_OF_NEW = 1 / 16;

/** The capacity of the link, by the interval between a pair of packets. */
class LinkCapacity {
  #firstUs = -1;
  #firstSequence = -1;
  #intervalUs = 0;

  /** A data packet has arrived. */
  add(sequence: number, nowUs: number): void {
    if ((sequence & PROBE_MASK) === 0) {
      this.#firstUs = nowUs;
      this.#firstSequence = sequence;
    } else if ((sequence & PROBE_MASK) === 1 && sequence === addSequence(this.#firstSequence, 1)) {
      const intervalUs = nowUs - this.#firstUs;
      this.#intervalUs += (intervalUs - this.#intervalUs) * (this.#intervalUs === 0 ? 1 : SHARE_OF_NEW);
      this.#firstSequence = -1;
    }
  }

  /** Capacity in packets per second; 0: not known. */
  get packetsPerSecond(): number {
    return this.#intervalUs < 1 ? 0 : Math.round(1_000_000 / this.#intervalUs);
  }
}
