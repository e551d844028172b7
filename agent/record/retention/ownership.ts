import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import { readFull } from '../../base/files/read-full.ts';
import { PACKET_BYTES, SYNC_BYTE } from '../../media/mpegts/packetize.ts';
import { codeOf } from '../file/disk-fault.ts';
import { readRecordingHead } from '../file/recording-file.ts';
import { readChecksum } from '../mpegts/ts-checksum.ts';
import { readTsHead } from '../mpegts/ts-recording-file.ts';

/** Checked at the start of a transport stream. */
const PACKETS = 3;

interface Ownership {
  /** `other`: MediaMTX or an early Perch. `none`: not a readable recording. */
  readonly writer: 'perch' | 'other' | 'none';
  /** False: named by an unset clock. */
  readonly isDated: boolean;
  /** 0: not known, as in a growing file. */
  readonly durationMs: number;
  readonly diskBytes: number;
}

/** @returns undefined if the file does not exist */
export async function ownershipOf(file: string): Promise<Ownership | undefined> {
  try {
    const handle = await open(file, 'r');
    try {
      const { blocks } = await handle.stat();
      const diskBytes = blocks * 512;
      if (file.endsWith('.ts')) {
        return { ...(await ownershipOfStream(handle)), diskBytes };
      }
      const { fileMark, mark, durationMs } = await readRecordingHead(handle).catch((error: unknown) => {
        if (error instanceof PerchError) {
          return { fileMark: undefined, mark: undefined, durationMs: 0 };
        }
        throw error;
      });
      const writer = fileMark ? 'perch' : mark ? 'other' : 'none';
      return { writer, isDated: fileMark?.isClockTrusted ?? true, durationMs, diskBytes };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

/** A transport stream of Perch ends with a checksum packet; others do not show their writer. */
async function ownershipOfStream(handle: FileHandle): Promise<Omit<Ownership, 'diskBytes'>> {
  const { size } = await handle.stat();
  const bytes = new Uint8Array(PACKETS * PACKET_BYTES);
  const bytesRead = await readFull(handle, bytes, 0);
  const isStream = isTransportStream(bytes.subarray(0, bytesRead));
  const lastAt = Math.floor(size / PACKET_BYTES - 1) * PACKET_BYTES;
  if (!isStream || lastAt < 0) {
    return { writer: 'none', isDated: true, durationMs: 0 };
  }
  const isRead = (await readFull(handle, bytes.subarray(0, PACKET_BYTES), lastAt)) === PACKET_BYTES;
  const checksum = isRead ? readChecksum(new DataView(bytes.buffer), 0) : undefined;
  const isDated = (await readTsHead(handle)).fileMark?.isClockTrusted ?? true;
  return { writer: checksum ? 'perch' : 'other', isDated, durationMs: checksum?.durationMs ?? 0 };
}

/** ISO/IEC 13818-1 §2.4.3: each packet starts with a sync byte. */
function isTransportStream(head: Uint8Array): boolean {
  const packets = Math.floor(head.length / PACKET_BYTES);
  for (let i = 0; i < packets; i += 1) {
    if (head[i * PACKET_BYTES] !== SYNC_BYTE) {
      return false;
    }
  }
  return packets > 0;
}
