import { HEADER_BYTES, IP_UDP_BYTES } from './packet.ts';

const OVERHEAD_BYTES = HEADER_BYTES + IP_UDP_BYTES;

/** Packets since the start of a connection, named as in MediaMTX's API. */
const NO_PACKETS = {
  packetsSent: 0,
  packetsReceived: 0,
  packetsSentUnique: 0,
  packetsReceivedUnique: 0,
  packetsSendLoss: 0,
  packetsReceivedLoss: 0,
  packetsRetrans: 0,
  packetsReceivedRetrans: 0,
  packetsSentACK: 0,
  packetsReceivedACK: 0,
  packetsSentNAK: 0,
  packetsReceivedNAK: 0,
  packetsSentKM: 0,
  packetsReceivedKM: 0,
  /** Time with unacknowledged packets, in µs. */
  usSndDuration: 0,
  packetsReceivedBelated: 0,
  packetsSendDrop: 0,
  packetsReceivedDrop: 0,
  packetsReceivedUndecrypt: 0,
};
/** Bytes of those packets without headers. */
const NO_PAYLOAD = {
  sent: 0,
  received: 0,
  sentUnique: 0,
  receivedUnique: 0,
  retrans: 0,
  receivedRetrans: 0,
  belated: 0,
  sendDrop: 0,
  undecrypt: 0,
};

/** What a connection has done since its start. */
export class SrtStatistics {
  readonly counts = { ...NO_PACKETS };
  readonly payload = { ...NO_PAYLOAD };
  /** Sum of the delays of belated packets, in µs. */
  #belatedUs = 0;
  /** Rates of sent and received packets, including retransmissions and all headers. */
  readonly sendRate = new ByteRate();
  readonly receiveRate = new ByteRate();

  countSent(payloadBytes: number, isRetransmission: boolean): void {
    const { counts, payload } = this;
    counts.packetsSent += 1;
    payload.sent += payloadBytes;
    this.sendRate.add(payloadBytes + OVERHEAD_BYTES);
    if (isRetransmission) {
      counts.packetsRetrans += 1;
      payload.retrans += payloadBytes;
    } else {
      counts.packetsSentUnique += 1;
      payload.sentUnique += payloadBytes;
    }
  }

  countReceived(payloadBytes: number, isRetransmission: boolean): void {
    this.counts.packetsReceived += 1;
    this.payload.received += payloadBytes;
    this.receiveRate.add(payloadBytes + OVERHEAD_BYTES);
    if (isRetransmission) {
      this.counts.packetsReceivedRetrans += 1;
      this.payload.receivedRetrans += payloadBytes;
    }
  }

  countBelated(payloadBytes: number, lateUs: number): void {
    this.counts.packetsReceivedBelated += 1;
    this.payload.belated += payloadBytes;
    this.#belatedUs += Math.max(0, lateUs);
  }

  tick(nowUs: number): void {
    this.sendRate.tick(nowUs);
    this.receiveRate.tick(nowUs);
  }

  /** Bytes include all headers. */
  get counters() {
    const { counts, payload } = this;
    const { packetsReceived, packetsReceivedBelated: belated } = counts;
    // Lost packets had the average size of the received ones.
    const lostBytes = OVERHEAD_BYTES + (packetsReceived === 0 ? 0 : payload.received / packetsReceived);
    return {
      ...counts,
      usSndDuration: Math.round(counts.usSndDuration),
      bytesReceived: withHeaders(packetsReceived, payload.received),
      bytesSent: withHeaders(counts.packetsSent, payload.sent),
      bytesSentUnique: withHeaders(counts.packetsSentUnique, payload.sentUnique),
      bytesReceivedUnique: withHeaders(counts.packetsReceivedUnique, payload.receivedUnique),
      bytesReceivedLoss: Math.round(counts.packetsReceivedLoss * lostBytes),
      bytesRetrans: withHeaders(counts.packetsRetrans, payload.retrans),
      bytesReceivedRetrans: withHeaders(counts.packetsReceivedRetrans, payload.receivedRetrans),
      bytesReceivedBelated: withHeaders(belated, payload.belated),
      bytesSendDrop: withHeaders(counts.packetsSendDrop, payload.sendDrop),
      bytesReceivedDrop: Math.round(counts.packetsReceivedDrop * lostBytes),
      bytesReceivedUndecrypt: withHeaders(counts.packetsReceivedUndecrypt, payload.undecrypt),
      packetsReceivedAvgBelatedTime: belated === 0 ? 0 : Math.round(this.#belatedUs / belated / 1000),
      packetsSendLossRate: percent(counts.packetsRetrans, counts.packetsSent),
      packetsReceivedLossRate: percent(counts.packetsReceivedRetrans, packetsReceived),
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
    // The shortest time over which rates are measured.
    if (spanUs >= 1_000_000) {
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
