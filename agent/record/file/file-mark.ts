import { box, fourcc, u16, u32, u64 } from '../../media/mp4/box/boxes.ts';
import { bodyOfFirst, uint64, viewOf } from '../../media/mp4/box/walk.ts';

/*
 * moov/udta/prch, next to MediaMTX's mtxi, marks files written by Perch:
 * version (8 bits), flags (24 bits; 1: the clock was trusted), first sequence number (32 bits), boot id (16 bytes),
 * monotonic time of the file's start (64 bits, µs), UTC offset (16 bits, signed minutes)
 */
const PRCH = fourcc('prch');
const BODY_BYTES = 4 + 4 + 16 + 8 + 2;
const CLOCK_TRUSTED = 1;

/** Where recordings come from that no boot of this box has captured: a gap from the camera's card, or an import from a recorder or camera. */
export type FetchedFrom = 'card' | 'recorder';

/** Their boot ids. */
export const FETCHED_BOOTS: Readonly<Record<FetchedFrom, string>> = {
  card: '0'.repeat(32),
  recorder: '1'.padStart(32, '0'),
};

export const isFetchedBoot = (bootId: string | undefined): boolean =>
  bootId === FETCHED_BOOTS.card || bootId === FETCHED_BOOTS.recorder;

export interface FileMark {
  /**
   * Sequence number of the first fragment (`mfhd`); the n-th has this + n. Random per file, so that a fragment of another
   * file left on the disk is not taken for this file's.
   */
  readonly firstSequence: number;
  /** Id of the boot in which the file was started: 32 hexadecimal digits. */
  readonly bootId: string;
  /** Capture time of the file's start on that boot's monotonic clock. */
  readonly monoUs: number;
  /** The wall clock was set when the file was started. */
  readonly isClockTrusted: boolean;
  /** UTC offset of the local time in the file name. */
  readonly offsetMinutes: number;
}

export function writeFileMark(mark: FileMark): Uint8Array {
  const bootId = Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(mark.bootId.slice(2 * i, 2 * i + 2), 16));
  const flags = mark.isClockTrusted ? CLOCK_TRUSTED : 0;
  const monoUs = Math.max(0, Math.round(mark.monoUs));
  return box('prch', [0, 0, 0, flags], u32(mark.firstSequence), bootId, u64(monoUs), u16(mark.offsetMinutes & 0xffff));
}

/** @param userData body of `moov/udta`; undefined without a mark of Perch */
export function findFileMark(userData: Uint8Array | undefined): FileMark | undefined {
  const body = userData && bodyOfFirst(userData, PRCH, BODY_BYTES);
  if (!body) {
    return undefined;
  }
  const view = viewOf(body);
  return {
    isClockTrusted: (view.getUint32(0) & CLOCK_TRUSTED) !== 0,
    firstSequence: view.getUint32(4),
    bootId: Buffer.from(body.subarray(8, 24)).toString('hex'),
    monoUs: uint64(view, 24),
    offsetMinutes: view.getInt16(32),
  };
}
