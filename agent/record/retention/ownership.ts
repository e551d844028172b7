import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import { codeOf } from '../file/disk-fault.ts';
import { readRecordingHead } from '../file/recording-file.ts';
import { readChecksum } from '../mpegts/ts-checksum.ts';
import { readTsHead } from '../mpegts/ts-recording-file.ts';

const TS_PACKET_BYTES = 188;
const TS_SYNC = 0x47;
const TS_PACKETS = 3;

/** What a file itself says about its origin. */
interface Ownership {
  /** `other`: MediaMTX or an early Perch. `nobody`: not a readable recording. */
  readonly writer: 'perch' | 'other' | 'nobody';
  /** False: named by an unset clock. */
  readonly isDated: boolean;
  /** 0: not known, as in a growing file. */
  readonly durationMs: number;
  /** Freed by deleting it. */
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
        return { ...(await whoseStream(handle)), diskBytes };
      }
      const { fileMark, mark, durationMs } = await readRecordingHead(handle).catch((error: unknown) => {
        if (error instanceof PerchError) {
          return { fileMark: undefined, mark: undefined, durationMs: 0 };
        }
        throw error;
      });
      const writer = fileMark ? 'perch' : mark ? 'other' : 'nobody';
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
async function whoseStream(handle: FileHandle): Promise<Omit<Ownership, 'diskBytes'>> {
  const { size } = await handle.stat();
  const bytes = new Uint8Array(TS_PACKETS * TS_PACKET_BYTES);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
  const isStream = isTransportStream(bytes.subarray(0, bytesRead));
  const lastAt = Math.floor(size / TS_PACKET_BYTES - 1) * TS_PACKET_BYTES;
  if (!isStream || lastAt < 0) {
    return { writer: 'nobody', isDated: true, durationMs: 0 };
  }
  const last = await handle.read(bytes, 0, TS_PACKET_BYTES, lastAt);
  const isWhole = last.bytesRead === TS_PACKET_BYTES;
  const seal = isWhole ? readChecksum(new DataView(bytes.buffer), 0) : undefined;
  const isDated = (await readTsHead(handle)).fileMark?.isClockTrusted ?? true;
  return { writer: seal ? 'perch' : 'other', isDated, durationMs: seal?.durationMs ?? 0 };
}

/** ISO/IEC 13818-1 §2.4.3: each packet starts with a sync byte. */
function isTransportStream(head: Uint8Array): boolean {
  const packets = Math.floor(head.length / TS_PACKET_BYTES);
  for (let i = 0; i < packets; i += 1) {
    if (head[i * TS_PACKET_BYTES] !== TS_SYNC) {
      return false;
    }
  }
  return packets > 0;
}
