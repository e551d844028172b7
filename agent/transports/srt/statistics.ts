import { HEADER_BYTES, IP_UDP_BYTES } from './packet.ts';

const OVERHEAD_BYTES = HEADER_BYTES + IP_UDP_BYTES;
/** The shortest time over which rates are measured. */
const MIN_SPAN_US = 1_000_000;

/** Counters since the start of a connection, named as in MediaMTX's API. Bytes include all headers. */
export class SrtStatistics {
  packetsSent = 0;
  packetsReceived = 0;
  packetsSentUnique = 0;
  packetsReceivedUnique = 0;
  packetsSendLoss = 0;
  packetsReceivedLoss = 0;
  packetsRetrans = 0;
  packetsReceivedRetrans = 0;
  packetsSentACK = 0;
  packetsReceivedACK = 0;
  packetsSentNAK = 0;
  packetsReceivedNAK = 0;
  packetsSentKM = 0;
  packetsReceivedKM = 0;
  /** Time with unacknowledged packets, in µs. */
  usSndDuration = 0;
  packetsReceivedBelated = 0;
  packetsSendDrop = 0;
  packetsReceivedDrop = 0;
  packetsReceivedUndecrypt = 0;
  /** Sum of the delays of belated packets, in µs. */
  belatedUs = 0;
  sentPayload = 0;
  receivedPayload = 0;
  sentUniquePayload = 0;
  receivedUniquePayload = 0;
  retransPayload = 0;
  receivedRetransPayload = 0;
  belatedPayload = 0;
  sendDropPayload = 0;
  undecryptPayload = 0;
  /** Rates of sent and received packets, including retransmissions and all headers. */
  readonly sendRate = new ByteRate();
  readonly receiveRate = new ByteRate();

  countSent(payloadBytes: number, isRetransmission: boolean): void {
    this.packetsSent += 1;
    this.sentPayload += payloadBytes;
    this.sendRate.add(payloadBytes + OVERHEAD_BYTES);
    if (isRetransmission) {
      this.packetsRetrans += 1;
      this.retransPayload += payloadBytes;
    } else {
      this.packetsSentUnique += 1;
      this.sentUniquePayload += payloadBytes;
    }
  }

  countReceived(payloadBytes: number, isRetransmission: boolean): void {
    this.packetsReceived += 1;
    this.receivedPayload += payloadBytes;
    this.receiveRate.add(payloadBytes + OVERHEAD_BYTES);
    if (isRetransmission) {
      this.packetsReceivedRetrans += 1;
      this.receivedRetransPayload += payloadBytes;
    }
  }

  countBelated(payloadBytes: number, lateUs: number): void {
    this.packetsReceivedBelated += 1;
    this.belatedPayload += payloadBytes;
    this.belatedUs += Math.max(0, lateUs);
  }

  /** Average size of received packets, for estimates of lost ones. */
  get #receivedBytes(): number {
    return this.packetsReceived === 0 ? 0 : this.receivedPayload / this.packetsReceived;
  }

  tick(nowUs: number): void {
    this.sendRate.tick(nowUs);
    this.receiveRate.tick(nowUs);
  }

  get counters() {
    const lostBytes = this.#receivedBytes + OVERHEAD_BYTES;
    const { packetsReceivedBelated: belated } = this;
    return {
      packetsSent: this.packetsSent,
      packetsReceived: this.packetsReceived,
      packetsSentUnique: this.packetsSentUnique,
      packetsReceivedUnique: this.packetsReceivedUnique,
      packetsSendLoss: this.packetsSendLoss,
      packetsReceivedLoss: this.packetsReceivedLoss,
      packetsRetrans: this.packetsRetrans,
      packetsReceivedRetrans: this.packetsReceivedRetrans,
      packetsSentACK: this.packetsSentACK,
      packetsReceivedACK: this.packetsReceivedACK,
      packetsSentNAK: this.packetsSentNAK,
      packetsReceivedNAK: this.packetsReceivedNAK,
      packetsSentKM: this.packetsSentKM,
      packetsReceivedKM: this.packetsReceivedKM,
      usSndDuration: Math.round(this.usSndDuration),
      packetsReceivedBelated: belated,
      packetsSendDrop: this.packetsSendDrop,
      packetsReceivedDrop: this.packetsReceivedDrop,
      packetsReceivedUndecrypt: this.packetsReceivedUndecrypt,
      bytesReceived: withHeaders(this.packetsReceived, this.receivedPayload),
      bytesSent: withHeaders(this.packetsSent, this.sentPayload),
      bytesSentUnique: withHeaders(this.packetsSentUnique, this.sentUniquePayload),
      bytesReceivedUnique: withHeaders(this.packetsReceivedUnique, this.receivedUniquePayload),
      bytesReceivedLoss: Math.round(this.packetsReceivedLoss * lostBytes),
      bytesRetrans: withHeaders(this.packetsRetrans, this.retransPayload),
      bytesReceivedRetrans: withHeaders(this.packetsReceivedRetrans, this.receivedRetransPayload),
      bytesReceivedBelated: withHeaders(belated, this.belatedPayload),
      bytesSendDrop: withHeaders(this.packetsSendDrop, this.sendDropPayload),
      bytesReceivedDrop: Math.round(this.packetsReceivedDrop * lostBytes),
      bytesReceivedUndecrypt: withHeaders(this.packetsReceivedUndecrypt, this.undecryptPayload),
      packetsReceivedAvgBelatedTime: belated === 0 ? 0 : Math.round(this.belatedUs / belated / 1000),
      packetsSendLossRate: percent(this.packetsRetrans, this.packetsSent),
      packetsReceivedLossRate: percent(this.packetsReceivedRetrans, this.packetsReceived),
      mbpsSendRate: this.sendRate.mbps,
      mbpsReceiveRate: this.receiveRate.mbps,
    };
  }
}

/** A rate over the last second or so. */
class ByteRate {
  bytesPerSecond = 0;
  packetsPerSecond = 0;
  #bytes = 0;
  #packets = 0;
  #sinceUs = 0;

  get mbps(): number {
    return (8 * this.bytesPerSecond) / 1_000_000;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#packets += 1;
  }

  tick(nowUs: number): void {
    const spanUs = nowUs - this.#sinceUs;
    if (spanUs >= MIN_SPAN_US) {
      this.bytesPerSecond = (this.#bytes * 1_000_000) / spanUs;
      this.packetsPerSecond = (this.#packets * 1_000_000) / spanUs;
      this.#bytes = 0;
      this.#packets = 0;
      this.#sinceUs = nowUs;
    }
  }
}

const withHeaders = (packets: number, payload: number): number => payload + packets * OVERHEAD_BYTES;
const percent = (part: number, whole: number): number => (whole === 0 ? 0 : (100 * part) / whole);
