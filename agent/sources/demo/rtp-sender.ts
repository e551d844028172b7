import { randomInt } from 'node:crypto';
import type { Packetize, PayloadSink } from '../../media/payload/packetizer.ts';
import { writeSenderReport } from '../../media/rtcp/write.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../media/rtp/header.ts';

const MAX_PAYLOAD_BYTES = 1400;
const FRAME_HEADER_BYTES = 4;
const PACKET_OVERHEAD_BYTES = FRAME_HEADER_BYTES + RTP_HEADER_BYTES + 4;
/** A sender report, which relates RTP clock and wall clock, precedes the first packet and follows at this interval. */
const REPORT_EVERY_MS = 5_000;
const DOLLAR = 0x24;
const CNAME = 'perch-demo';

/** One track of one client: units in, bytes of the RTSP connection out (RFC 2326 §10.12). */
export class RtpSender implements PayloadSink {
  readonly channel: number;
  readonly payloadType: number;
  readonly ssrc = randomInt(2 ** 32);
  #sequence = randomInt(2 ** 16);
  #timestamp = 0;
  #packets = 0;
  #payloadBytes = 0;
  #nextReportMs = Number.NEGATIVE_INFINITY;
  #out = Buffer.alloc(0);
  #length = 0;

  /** @param channel of RTP; RTCP has the next */
  constructor(channel: number, payloadType: number) {
    this.channel = channel;
    this.payloadType = payloadType;
  }

  /** Sequence number of the next packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The interleaved frames of one unit, and a sender report before them when one is due. */
  send(unit: Uint8Array, packetize: Packetize, ticks: number, unixMs: number, monoMs: number): Buffer {
    const report = monoMs >= this.#nextReportMs ? this.#report(ticks, unixMs, monoMs) : undefined;
    const packets = Math.ceil(unit.length / (MAX_PAYLOAD_BYTES / 2)) + 2;
    this.#out = Buffer.allocUnsafe(
      (report?.length ?? 0) + FRAME_HEADER_BYTES + unit.length + packets * PACKET_OVERHEAD_BYTES,
    );
    this.#length = 0;
    this.#timestamp = ticks;
    if (report) {
      this.#frame(this.channel + 1, report.length);
      this.#out.set(report, this.#length);
      this.#length += report.length;
    }
    packetize(unit, MAX_PAYLOAD_BYTES, true, this);
    return this.#out.subarray(0, this.#length);
  }

  onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean): void {
    const payloadBytes = prefixBytes + end - start;
    this.#frame(this.channel, RTP_HEADER_BYTES + payloadBytes);
    const out = this.#out;
    writeRtpHeader(out, this.#length, marker, this.payloadType, this.#sequence, this.#timestamp, this.ssrc);
    this.#length += RTP_HEADER_BYTES;
    for (let i = prefixBytes - 1; i >= 0; i -= 1) {
      out[this.#length] = prefix >>> (8 * i);
      this.#length += 1;
    }
    out.set(data.subarray(start, end), this.#length);
    this.#length += end - start;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#packets += 1;
    this.#payloadBytes += payloadBytes;
  }

  #frame(channel: number, size: number): void {
    this.#out[this.#length] = DOLLAR;
    this.#out[this.#length + 1] = channel;
    this.#out.writeUInt16BE(size, this.#length + 2);
    this.#length += FRAME_HEADER_BYTES;
  }

  #report(ticks: number, unixMs: number, monoMs: number): Uint8Array {
    this.#nextReportMs = monoMs + REPORT_EVERY_MS;
    const { ssrc } = this;
    return writeSenderReport({ ssrc, unixMs, ticks, packets: this.#packets, payloadBytes: this.#payloadBytes }, CNAME);
  }
}

/** A packet of G.711 is a payload, RFC 3551 §4.5.14. */
export const packetizeSound: Packetize = (data, _maxPayloadBytes, _isLast, sink) =>
  sink.onPayload(0, 0, data, 0, data.length, false);
