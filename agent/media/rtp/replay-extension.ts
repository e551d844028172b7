import { RTP_HEADER_BYTES, read16, read32 } from './header.ts';

const REPLAY_PROFILE = 0xabac;
const WORDS = 3;
/** Seconds from 1900 (NTP era 0) to 1970. */
const NTP_TO_UNIX_S = 2_208_988_800;

/**
 * The RTP header extension of a replay, ONVIF Streaming §6.2. One object serves all packets: nothing is allocated per packet.
 *
 *     0xABAC | length ≥ 3 | NTP time (64) | C E D T mbz (8) | low byte of PLAY's CSeq | padding (16)
 */
export class ReplayExtension {
  /** Capture time by the camera's clock, Unix milliseconds with fraction. */
  unixMs = 0;
  /** C: the first packet of a picture that can be decoded by itself. */
  isClean = false;
  /** E: the last of a contiguous section of the recording. */
  isSectionEnd = false;
  /** D: the recording has a hole before this picture. */
  isDiscontinuity = false;
  /** T: the last picture of the track in what PLAY asked for. */
  isTerminal = false;

  /**
   * Reads the extension of the RTP packet in `chunk[start, end)`.
   * @returns false if the packet has none, or one without a time; the fields are then unchanged
   */
  parse(chunk: Uint8Array, start: number, end: number): boolean {
    if (end > chunk.length || end - start < RTP_HEADER_BYTES || ((chunk[start] as number) & 0x10) === 0) {
      return false;
    }
    const at = start + RTP_HEADER_BYTES + 4 * ((chunk[start] as number) & 0x0f);
    if (at + 4 + 4 * WORDS > end || read16(chunk, at) !== REPLAY_PROFILE || read16(chunk, at + 2) < WORDS) {
      return false;
    }
    const seconds = read32(chunk, at + 4);
    const fraction = read32(chunk, at + 8);
    if (seconds === 0) {
      return false;
    }
    // Era 1 of NTP begins in 2036.
    const unixSeconds = seconds - NTP_TO_UNIX_S;
    this.unixMs = (unixSeconds < 0 ? unixSeconds + 2 ** 32 : unixSeconds) * 1000 + (fraction * 1000) / 2 ** 32;
    const flags = chunk[at + 12] as number;
    this.isClean = (flags & 0x80) !== 0;
    this.isSectionEnd = (flags & 0x40) !== 0;
    this.isDiscontinuity = (flags & 0x20) !== 0;
    this.isTerminal = (flags & 0x10) !== 0;
    return true;
  }
}
