import { box, fourcc } from '../../media/mp4/box/boxes.ts';
import { bodyOfFirst, viewOf } from '../../media/mp4/box/walk.ts';

/*
 * moov/udta/mtxi, MediaMTX's private box, by which two files prove that the second goes on where the first ended:
 *   version and flags (32 bits, 0), stream id (16 bytes), segment number (64), decode time (64, ns), capture time (64, ns)
 */
const MTXI = fourcc('mtxi');
const BODY_BYTES = 4 + 16 + 8 + 8 + 8;

export interface StreamMark {
  /** 32 hexadecimal digits; new whenever recording starts or starts again. */
  readonly streamId: string;
  /** Counts the files of one stream id, from 0. */
  readonly segmentNumber: number;
  /** Decode time of the file's start on the stream's own scale. */
  readonly dtsUs: number;
  /** Capture time of the file's start, Unix. */
  readonly wallUs: number;
}

/** What goes into `moov/udta`. */
export function writeStreamMark(mark: StreamMark): Uint8Array {
  const body = new Uint8Array(BODY_BYTES);
  const view = viewOf(body);
  for (let i = 0; i < 16; i += 1) {
    body[4 + i] = Number.parseInt(mark.streamId.slice(2 * i, 2 * i + 2), 16);
  }
  view.setBigUint64(20, BigInt(mark.segmentNumber));
  view.setBigInt64(28, nanoseconds(mark.dtsUs));
  view.setBigInt64(36, nanoseconds(mark.wallUs));
  return box('mtxi', body);
}

/** @param userData the body of `moov/udta`; what in it is not understood is passed over */
export function findStreamMark(userData: Uint8Array | undefined): StreamMark | undefined {
  const body = userData && bodyOfFirst(userData, MTXI, BODY_BYTES);
  if (!body) {
    return undefined;
  }
  const view = viewOf(body);
  const segmentNumber = Number(view.getBigUint64(20));
  const wallUs = Number(view.getBigInt64(36) / 1000n);
  if (!Number.isSafeInteger(segmentNumber) || !Number.isSafeInteger(wallUs)) {
    return undefined;
  }
  return {
    streamId: Buffer.from(body.subarray(4, 20)).toString('hex'),
    segmentNumber,
    dtsUs: Number(view.getBigInt64(28)) / 1000,
    wallUs,
  };
}

/** Whole microseconds keep their exact value; beyond them there is a fraction only in decode times. */
function nanoseconds(us: number): bigint {
  const whole = Math.floor(us);
  return BigInt(whole) * 1000n + BigInt(Math.round((us - whole) * 1000));
}
