import { PerchError } from '../../base/errors.ts';

/** Packet types, RFC 3550 §12.1. */
export const RTCP_SENDER_REPORT = 200;
export const RTCP_RECEIVER_REPORT = 201;
export const RTCP_SOURCE_DESCRIPTION = 202;
export const RTCP_BYE = 203;

const HEADER_BYTES = 4;
const SENDER_INFO_BYTES = 20;
const REPORT_BLOCK_BYTES = 24;
/** Seconds from 1900 (NTP era 0) to 1970. */
const NTP_TO_UNIX_S = 2_208_988_800;

/** The sender's part of a sender report, RFC 3550 §6.4.1. */
export interface SenderInfo {
  readonly ssrc: number;
  /** The camera's clock in Unix milliseconds. */
  readonly unixMs: number;
  /** The middle 32 bits of the NTP timestamp, which identify the sender report in a receiver report. */
  readonly ntpMiddle: number;
  /** The same moment on the RTP clock; wraps at 2^32. */
  readonly timestamp: number;
}

/** Receives the contents of a compound packet. */
export interface RtcpSink {
  onSenderReport(info: SenderInfo): void;
  /** The source ends (RFC 3550 §6.6). */
  onBye(ssrc: number): void;
  /**
   * A receiver's report block (RFC 3550 §6.4.1).
   * @param lost packets since the start; negative with duplicates
   */
  onReception?(ssrc: number, lost: number): void;
}

/**
 * Reads a compound packet, RFC 3550 §6.1, in `chunk[start, end)`; each packet is bounded by its own length.
 * Other types, and the rest after a truncated packet, are ignored. @throws PerchError if the first packet is not RTCP
 */
export function parseRtcp(chunk: Uint8Array, start: number, end: number, sink: RtcpSink): void {
  const size = Math.min(end, chunk.length) - start;
  if (size < HEADER_BYTES) {
    throw new PerchError('badInput', `RTCP packet of ${size} bytes is shorter than its header`);
  }
  const version = (chunk[start] as number) >> 6;
  if (version !== 2) {
    throw new PerchError('badInput', `RTCP version ${version}, expected 2`);
  }
  const view = new DataView(chunk.buffer, chunk.byteOffset + start, size);
  let at = 0;
  while (at + HEADER_BYTES <= size) {
    const next = at + HEADER_BYTES + 4 * view.getUint16(at + 2);
    if (view.getUint8(at) >> 6 !== 2 || next > size) {
      return;
    }
    readPacket(view, at, next, sink);
    at = next;
  }
}

function readPacket(view: DataView, at: number, end: number, sink: RtcpSink): void {
  const body = at + HEADER_BYTES;
  const type = view.getUint8(at + 1);
  if (type === RTCP_SENDER_REPORT && end - body >= 4 + SENDER_INFO_BYTES) {
    const seconds = view.getUint32(body + 4);
    const fraction = view.getUint32(body + 8);
    sink.onSenderReport({
      ssrc: view.getUint32(body),
      unixMs: (seconds - NTP_TO_UNIX_S) * 1000 + (fraction / 2 ** 32) * 1000,
      ntpMiddle: (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0,
      timestamp: view.getUint32(body + 12),
    });
    readReports(view, at, body + 4 + SENDER_INFO_BYTES, end, sink);
  } else if (type === RTCP_RECEIVER_REPORT) {
    readReports(view, at, body + 4, end, sink);
  } else if (type === RTCP_BYE) {
    const count = Math.min(view.getUint8(at) & 0x1f, (end - body) >> 2);
    for (let i = 0; i < count; i += 1) {
      sink.onBye(view.getUint32(body + 4 * i));
    }
  }
}

/** Reads as many report blocks as the header counts, within the packet. */
function readReports(view: DataView, at: number, from: number, end: number, sink: RtcpSink): void {
  const count = Math.min(view.getUint8(at) & 0x1f, Math.floor((end - from) / REPORT_BLOCK_BYTES));
  for (let i = 0; i < count; i += 1) {
    const block = from + REPORT_BLOCK_BYTES * i;
    // Signed 24 bits, after the 8 bits of the fraction.
    sink.onReception?.(view.getUint32(block), (view.getInt32(block + 4) << 8) >> 8);
  }
}
