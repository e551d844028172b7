// RTCP, RFC 3550 §6.4: version (2), padding, count or format (5), type (8), length in words minus one (16), SSRC (32).
const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;
const GENERIC_NACK = 1;
const PLI = 1;
const FIR = 4;
const APPLICATION_LAYER = 15;
/** "REMB", draft-alvestrand-rmcat-remb §2.2. */
const REMB = 0x52454d42;

const REPORT_BLOCK_BYTES = 24;
export interface RtcpSink {
  /**
   * A report block, RFC 3550 §6.4.1.
   * @param ssrc of the reported track
   * @param lost packets since the start; negative with duplicates
   * @param highest received sequence number, extended to 32 bits
   * @param lastReport middle 32 bits of the latest sender report's NTP time; 0: none
   * @param delay since that report, in 1/65536 s
   */
  onReport(ssrc: number, lost: number, highest: number, lastReport: number, delay: number): void;
  /** PLI or FIR for this SSRC. */
  onPictureLoss(ssrc: number): void;
  /**
   * Generic NACK, RFC 4585 §6.2.1.
   * @param following bit i set: `sequence + i + 1` as well (modulo 2^16)
   */
  onNack(ssrc: number, sequence: number, following: number): void;
  onEstimate(bitsPerSecond: number): void;
}

/** Reads a compound packet up to the first damaged part. Never throws. */
export function readRtcp(compound: Uint8Array, sink: RtcpSink): void {
  const view = new DataView(compound.buffer, compound.byteOffset, compound.byteLength);
  let at = 0;
  while (at + 8 <= compound.length) {
    const flags = view.getUint8(at);
    const end = at + 4 * (view.getUint16(at + 2) + 1);
    if (flags >> 6 !== 2 || end > compound.length) {
      return;
    }
    readPart(view, at, end, flags & 0x1f, sink);
    at = end;
  }
}

function readPart(view: DataView, at: number, end: number, format: number, sink: RtcpSink): void {
  switch (view.getUint8(at + 1)) {
    case SENDER_REPORT:
      readReports(view, at + 28, end, format, sink);
      break;
    case RECEIVER_REPORT:
      readReports(view, at + 8, end, format, sink);
      break;
    case TRANSPORT_FEEDBACK:
      if (format === GENERIC_NACK) {
        readNack(view, at + 8, end, sink);
      }
      break;
    case PAYLOAD_FEEDBACK:
      if (format === PLI && at + 12 <= end) {
        sink.onPictureLoss(view.getUint32(at + 8));
      } else if (format === FIR) {
        readFullIntraRequests(view, at + 12, end, sink);
      } else if (format === APPLICATION_LAYER) {
        readEstimate(view, at + 12, end, sink);
      }
      break;
    default:
      break;
  }
}

function readReports(view: DataView, start: number, end: number, count: number, sink: RtcpSink): void {
  for (let i = 0; i < count; i += 1) {
    const at = start + i * REPORT_BLOCK_BYTES;
    if (at + REPORT_BLOCK_BYTES > end) {
      return;
    }
    const ssrc = view.getUint32(at);
    // The cumulative number of packets lost has 24 bits with a sign, after the 8 bits of the fraction lost.
    const lost = (view.getInt32(at + 4) << 8) >> 8;
    sink.onReport(ssrc, lost, view.getUint32(at + 8), view.getUint32(at + 16), view.getUint32(at + 20));
  }
}

/** RFC 4585 §6.2.1: after the SSRC, pairs of a sequence number and a bit mask of the 16 after it. */
function readNack(view: DataView, start: number, end: number, sink: RtcpSink): void {
  for (let at = start + 4; at + 4 <= end; at += 4) {
    sink.onNack(view.getUint32(start), view.getUint16(at), view.getUint16(at + 2));
  }
}

/** RFC 5104 §4.3.1.1: entries of SSRC, sequence number and three reserved bytes. */
function readFullIntraRequests(view: DataView, start: number, end: number, sink: RtcpSink): void {
  for (let at = start; at + 8 <= end; at += 8) {
    sink.onPictureLoss(view.getUint32(at));
  }
}

function readEstimate(view: DataView, at: number, end: number, sink: RtcpSink): void {
  if (at + 8 > end || view.getUint32(at) !== REMB) {
    return;
  }
  const word = view.getUint32(at + 4);
  const exponent = (word >>> 18) & 0x3f;
  sink.onEstimate((word & 0x3ffff) * 2 ** exponent);
}
