import { box, fourcc, u16, u32, u64 } from '../../media/mp4/box/boxes.ts';
import { bodyOfFirst, uint64, viewOf } from '../../media/mp4/box/walk.ts';

/*
 * moov/udta/prch, beside MediaMTX's mtxi: what Perch says of a file that it has written itself.
 *   version (8 bits), flags (24 bits; 1: the clock was trusted), first sequence number (32 bits), boot id (16 bytes),
 *   monotonic time of the file's start (64 bits, µs), UTC offset (16 bits, signed minutes)
 */
const PRCH = fourcc('prch');
const BODY_BYTES = 4 + 4 + 16 + 8 + 2;
const CLOCK_TRUSTED = 1;

export interface FileMark {
  /**
   * Of the first fragment (`mfhd`); the n-th has this + n. Drawn at random for each file, so that a fragment which a disk has kept
   * from another file is not taken for one of this.
   */
  readonly firstSequence: number;
  /** Of the machine's start in which the file was begun: 32 hexadecimal digits. */
  readonly bootId: string;
  /** Capture time of the file's start on the monotonic clock of that boot. */
  readonly monoUs: number;
  /** The wall clock had been set when the file was begun. */
  readonly isClockTrusted: boolean;
  /** Of local time, in which the file is named. */
  readonly offsetMinutes: number;
}

/** What goes into `moov/udta`. */
export function writeFileMark(mark: FileMark): Uint8Array {
  const bootId = Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(mark.bootId.slice(2 * i, 2 * i + 2), 16));
  const flags = mark.isClockTrusted ? CLOCK_TRUSTED : 0;
  const monoUs = Math.max(0, Math.round(mark.monoUs));
  return box('prch', [0, 0, 0, flags], u32(mark.firstSequence), bootId, u64(monoUs), u16(mark.offsetMinutes & 0xffff));
}

/** @param userData the body of `moov/udta`; undefined when Perch did not write the file, or before it made such marks */
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
