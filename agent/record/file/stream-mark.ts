import { box, fourcc } from '../../media/mp4/box/boxes.ts';
import { bodyOfFirst, viewOf } from '../../media/mp4/box/walk.ts';

/*
 * moov/udta/mtxi, MediaMTX's box, which proves that a file continues another:
 * version and flags (32 bits, 0), stream id (16 bytes), segment number (64), decode time (64, ns), capture time (64,
 * ns)
 */
const MTXI = fourcc('mtxi');
const BODY_BYTES = 4 + 16 + 8 + 8 + 8;

export interface StreamMark {
  /** 32 hexadecimal digits; new with each start of recording. */
  readonly streamId: string;
  /** Index of the file within its stream id, from 0. */
  readonly segmentNumber: number;
  /** Decode time of the file's start in stream time. */
  readonly dtsUs: number;
  /** Unix capture time of the file's start. */
  readonly wallUs: number;
}

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

/** @param userData body of `moov/udta`; unknown content is skipped */
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

/** Exact for whole microseconds; only decode times have fractions. */
function nanoseconds(us: number): bigint {
  const whole = Math.floor(us);
  return BigInt(whole) * 1000n + BigInt(Math.round((us - whole) * 1000));
}
