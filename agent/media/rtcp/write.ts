import { RTCP_BYE, RTCP_RECEIVER_REPORT, RTCP_SENDER_REPORT, RTCP_SOURCE_DESCRIPTION } from './parse.ts';

/** Seconds from 1900 (NTP era 0) to 1970. */
const NTP_FROM_UNIX_S = 2_208_988_800;
const CNAME = 1;
/** RFC 4585 §6.3. */
const RTCP_PAYLOAD_FEEDBACK = 206;
const PLI = 1;
const PLI_BYTES = 12;
const RECEIVER_REPORT_BYTES = 32;
const SENDER_REPORT_BYTES = 28;

/** One report block, RFC 3550 §6.4.1. */
interface ReceptionReport {
  /** The reporter's own SSRC. */
  readonly ssrc: number;
  /** The SSRC of the reported source. */
  readonly sourceSsrc: number;
  /** Packets lost of those expected since the last report, 0 to 1. */
  readonly fractionLost: number;
  readonly lost: number;
  /** Extended highest sequence number. */
  readonly highest: number;
  /** Interarrival jitter in ticks; 0 over TCP. */
  readonly jitterTicks: number;
  /** `SenderInfo.ntpMiddle` of the last sender report, 0: none received. */
  readonly lastReport: number;
  readonly sinceLastReportMs: number;
}

/** A compound packet: receiver report and the mandatory source description (RFC 3550 §6.1). */
export function writeReceiverReport(report: ReceptionReport, cname: string): Uint8Array {
  const description = sourceDescription(report.ssrc, cname);
  const view = begin(1, RTCP_RECEIVER_REPORT, RECEIVER_REPORT_BYTES, report.ssrc, description);
  view.setUint32(8, report.sourceSsrc);
  view.setUint32(12, Math.min(report.lost, 0x7f_ffff));
  view.setUint8(12, Math.min(255, Math.floor(report.fractionLost * 256)));
  view.setUint32(16, report.highest);
  view.setUint32(20, report.jitterTicks);
  view.setUint32(24, report.lastReport);
  // In units of 1/65536 s.
  view.setUint32(28, report.lastReport === 0 ? 0 : Math.round(report.sinceLastReportMs * 65.536));
  return new Uint8Array(view.buffer);
}

/** An empty receiver report, which begins a compound packet without reports, RFC 3550 §6.1. */
export function writeEmptyReport(ssrc: number, cname: string): Uint8Array {
  return new Uint8Array(begin(0, RTCP_RECEIVER_REPORT, 8, ssrc, sourceDescription(ssrc, cname)).buffer);
}

interface SenderReport {
  readonly ssrc: number;
  /** Time of the report in Unix milliseconds. */
  readonly unixMs: number;
  /** The same time on the RTP clock, wrapped or not. */
  readonly ticks: number;
  /** Since the session began; both wrap at 2^32. */
  readonly packets: number;
  readonly payloadBytes: number;
}

/** A compound packet: sender report and source description. */
export function writeSenderReport(report: SenderReport, cname: string): Uint8Array {
  const description = sourceDescription(report.ssrc, cname);
  const view = begin(0, RTCP_SENDER_REPORT, SENDER_REPORT_BYTES, report.ssrc, description);
  const seconds = Math.floor(report.unixMs / 1000);
  view.setUint32(8, seconds + NTP_FROM_UNIX_S);
  view.setUint32(12, ((report.unixMs - seconds * 1000) / 1000) * 2 ** 32);
  view.setUint32(16, report.ticks);
  view.setUint32(20, report.packets);
  view.setUint32(24, report.payloadBytes);
  return new Uint8Array(view.buffer);
}

/** A BYE packet, RFC 3550 §6.6. */
export function writeBye(ssrc: number): Uint8Array {
  return new Uint8Array(begin(1, RTCP_BYE, 8, ssrc).buffer);
}

/** A picture loss indication, which requests a key frame, RFC 4585 §6.3.1. */
export function writePli(ssrc: number, mediaSsrc: number): Uint8Array {
  const view = begin(PLI, RTCP_PAYLOAD_FEEDBACK, PLI_BYTES, ssrc);
  view.setUint32(8, mediaSsrc);
  return new Uint8Array(view.buffer);
}

/** RFC 3550 §6.5: one chunk with one CNAME item, terminated and padded with zeros. */
function sourceDescription(ssrc: number, cname: string): Uint8Array {
  const name = new TextEncoder().encode(cname).subarray(0, 255);
  const size = 4 * Math.ceil((4 + 4 + 2 + name.length + 1) / 4);
  const packet = new Uint8Array(begin(1, RTCP_SOURCE_DESCRIPTION, size, ssrc).buffer);
  packet.set([CNAME, name.length], 8);
  packet.set(name, 10);
  return packet;
}

/** A packet with header and SSRC written, followed by `tail`. @param bytes length without the tail */
function begin(
  count: number,
  type: number,
  bytes: number,
  ssrc: number,
  tail: Uint8Array = new Uint8Array(0),
): DataView<ArrayBuffer> {
  const packet = new Uint8Array(bytes + tail.length);
  packet.set(tail, bytes);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x80 | count);
  view.setUint8(1, type);
  view.setUint16(2, bytes / 4 - 1);
  view.setUint32(4, ssrc);
  return view;
}
