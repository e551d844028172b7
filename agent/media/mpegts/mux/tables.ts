import { PerchError } from '../../../base/errors.ts';
import { crc32 } from '../crc32.ts';
import { PACKET_BYTES, SYNC_BYTE } from '../packetize.ts';
import type { TsFormat } from '../stream-format.ts';

/*
 * Sections (ISO/IEC 13818-1 §2.4.4): programme association and programme map. A packet that begins a
 * section has a pointer field before it; bytes after the section are 0xFF.
 */
const PAT_PID = 0;
export const PMT_PID = 0x1000;
const FIRST_STREAM_PID = 0x100;
const PROGRAM = 1;
const TRANSPORT_STREAM_ID = 1;
/** §2.4.4.9: of section_length. */
const MAX_SECTION_LENGTH = 1021;

/** @param track index in the muxer's list */
export const pidOf = (track: number): number => FIRST_STREAM_PID + track;

const u16 = (value: number): readonly number[] => [value >> 8, value & 0xff];

/** The packet of the programme association table; its continuity counter is 0. */
export function writePat(): Uint8Array {
  return packets(PAT_PID, section(0x00, TRANSPORT_STREAM_ID, [...u16(PROGRAM), ...u16(0xe000 | PMT_PID)]));
}

/** The packets of the programme map; their continuity counters are 0. @param clockTrack the track with the PCR */
export function writePmt(formats: readonly TsFormat[], clockTrack: number): Uint8Array {
  const noDescriptors = u16(0xf000);
  const streams = formats.flatMap(({ streamType, descriptors }, i) => [
    streamType,
    ...u16(0xe000 | pidOf(i)),
    ...u16(0xf000 | descriptors.length),
    ...descriptors,
  ]);
  return packets(PMT_PID, section(0x02, PROGRAM, [...u16(0xe000 | pidOf(clockTrack)), ...noDescriptors, ...streams]));
}

/** The long form of a section with its CRC; version 0, current, the only one of its table. */
function section(tableId: number, extension: number, body: readonly number[]): Uint8Array {
  const length = 5 + body.length + 4;
  if (length > MAX_SECTION_LENGTH) {
    throw new PerchError('unsupported', `MPEG-TS section of ${length} bytes, at most ${MAX_SECTION_LENGTH}`);
  }
  const bytes = Uint8Array.of(tableId, ...u16(0xb000 | length), ...u16(extension), 0xc1, 0, 0, ...body, 0, 0, 0, 0);
  const end = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(end, crc32(bytes, 0, end));
  return bytes;
}

function packets(pid: number, bytes: Uint8Array): Uint8Array {
  const withPointer = Uint8Array.of(0, ...bytes);
  const bodyBytes = PACKET_BYTES - 4;
  const count = Math.ceil(withPointer.length / bodyBytes);
  const out = new Uint8Array(count * PACKET_BYTES).fill(0xff);
  for (let i = 0; i < count; i += 1) {
    const at = i * PACKET_BYTES;
    const unitStart = i === 0 ? 0x40 : 0;
    out.set([SYNC_BYTE, unitStart | (pid >> 8), pid & 0xff, 0x10], at);
    out.set(withPointer.subarray(i * bodyBytes, (i + 1) * bodyBytes), at + 4);
  }
  return out;
}
