import { RTCP_BYE, RTCP_RECEIVER_REPORT, RTCP_SENDER_REPORT, RTCP_SOURCE_DESCRIPTION } from './parse.ts';

/** Seconds from 1900 (NTP era 0) to 1970. */
const NTP_FROM_UNIX_S = 2_208_988_800;
const CNAME = 1;
/** RFC 4585 §6.3. */
const RTCP_PAYLOAD_FEEDBACK = 206;
const PLI = 1;
const PLI_BYTES = 12;
const MAX_CNAME_BYTES = 255;
const RECEIVER_REPORT_BYTES = 32;
const EMPTY_REPORT_BYTES = 8;
const SENDER_REPORT_BYTES = 28;

/** One report block, RFC 3550 §6.4.1. */
interface ReceptionReport {
  /** The reporter's own SSRC. */
  readonly ssrc: number;
  /** The source that is reported on. */
  readonly sourceSsrc: number;
  /** Packets lost of those expected since the last report, 0 to 1. */
  readonly fractionLost: number;
  readonly lost: number;
  /** Extended highest sequence number. */
  readonly highest: number;
  /** Interarrival jitter in ticks; 0 over TCP, where it says nothing. */
  readonly jitterTicks: number;
  /** `SenderInfo.ntpMiddle` of the last sender report, 0 when none has come. */
  readonly lastReport: number;
  readonly sinceLastReportMs: number;
}

/** A compound packet: receiver report and the source description that must go with it (RFC 3550 §6.1). */
export function writeReceiverReport(report: ReceptionReport, cname: string): Uint8Array {
  const description = sourceDescription(report.ssrc, cname);
  const packet = new Uint8Array(RECEIVER_REPORT_BYTES + description.length);
  const view = new DataView(packet.buffer);
  writeHeader(view, 1, RTCP_RECEIVER_REPORT, RECEIVER_REPORT_BYTES);
  view.setUint32(4, report.ssrc);
  view.setUint32(8, report.sourceSsrc);
  view.setUint32(12, Math.min(report.lost, 0x7f_ffff));
  view.setUint8(12, Math.min(255, Math.floor(report.fractionLost * 256)));
  view.setUint32(16, report.highest);
  view.setUint32(20, report.jitterTicks);
  view.setUint32(24, report.lastReport);
  // In units of 1/65536 s.
  view.setUint32(28, report.lastReport === 0 ? 0 : Math.round(report.sinceLastReportMs * 65.536));
  packet.set(description, RECEIVER_REPORT_BYTES);
  return packet;
}

/** What a compound packet has to begin with when there is nothing to report, RFC 3550 §6.1. */
export function writeEmptyReport(ssrc: number, cname: string): Uint8Array {
  const description = sourceDescription(ssrc, cname);
  const packet = new Uint8Array(EMPTY_REPORT_BYTES + description.length);
  const view = new DataView(packet.buffer);
  writeHeader(view, 0, RTCP_RECEIVER_REPORT, EMPTY_REPORT_BYTES);
  view.setUint32(4, ssrc);
  packet.set(description, EMPTY_REPORT_BYTES);
  return packet;
}

interface SenderReport {
  readonly ssrc: number;
  /** The moment of the report on the wall clock, as Unix milliseconds. */
  readonly unixMs: number;
  /** The same moment on the RTP clock, unwrapped or not. */
  readonly ticks: number;
  /** Since the session began; both wrap at 2^32. */
  readonly packets: number;
  readonly payloadBytes: number;
}

/** A compound packet: sender report and source description. */
export function writeSenderReport(report: SenderReport, cname: string): Uint8Array {
  const description = sourceDescription(report.ssrc, cname);
  const packet = new Uint8Array(SENDER_REPORT_BYTES + description.length);
  const view = new DataView(packet.buffer);
  writeHeader(view, 0, RTCP_SENDER_REPORT, SENDER_REPORT_BYTES);
  view.setUint32(4, report.ssrc);
  const seconds = Math.floor(report.unixMs / 1000);
  view.setUint32(8, seconds + NTP_FROM_UNIX_S);
  view.setUint32(12, ((report.unixMs - seconds * 1000) / 1000) * 2 ** 32);
  view.setUint32(16, report.ticks);
  view.setUint32(20, report.packets);
  view.setUint32(24, report.payloadBytes);
  packet.set(description, SENDER_REPORT_BYTES);
  return packet;
}

/** Says that a source has ended, RFC 3550 §6.6. */
export function writeBye(ssrc: number): Uint8Array {
  const packet = new Uint8Array(8);
  const view = new DataView(packet.buffer);
  writeHeader(view, 1, RTCP_BYE, 8);
  view.setUint32(4, ssrc);
  return packet;
}

/** The picture cannot go on without a key frame, RFC 4585 §6.3.1. */
export function writePli(ssrc: number, mediaSsrc: number): Uint8Array {
  const packet = new Uint8Array(PLI_BYTES);
  const view = new DataView(packet.buffer);
  writeHeader(view, PLI, RTCP_PAYLOAD_FEEDBACK, PLI_BYTES);
  view.setUint32(4, ssrc);
  view.setUint32(8, mediaSsrc);
  return packet;
}

/** RFC 3550 §6.5: one chunk with one CNAME item, ended and padded with zeros. */
function sourceDescription(ssrc: number, cname: string): Uint8Array {
  const name = new TextEncoder().encode(cname).subarray(0, MAX_CNAME_BYTES);
  const size = 4 * Math.ceil((4 + 4 + 2 + name.length + 1) / 4);
  const packet = new Uint8Array(size);
  const view = new DataView(packet.buffer);
  writeHeader(view, 1, RTCP_SOURCE_DESCRIPTION, size);
  view.setUint32(4, ssrc);
  view.setUint8(8, CNAME);
  view.setUint8(9, name.length);
  packet.set(name, 10);
  return packet;
}

function writeHeader(view: DataView, count: number, type: number, size: number): void {
  view.setUint8(0, 0x80 | count);
  view.setUint8(1, type);
  view.setUint16(2, size / 4 - 1);
}
