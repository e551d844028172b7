import { PerchError } from '../../../base/errors.ts';
import { fourccText } from './boxes.ts';

/** The position of a box in the given bytes. */
export interface BoxLocation {
  /** Box type as a number: compare with `fourcc(...)`. */
  readonly type: number;
  readonly start: number;
  readonly bodyStart: number;
  /** One past its last byte; may exceed truncated bytes. */
  readonly end: number;
}

/**
 * The header of the box at `at`; undefined if it exceeds `limit`.
 * A size of 0 ("up to the end of the file") is rejected: it cannot be distinguished from a file that is still being written.
 */
export function boxAt(view: DataView, at: number, limit: number): BoxLocation | undefined {
  if (limit - at < 8) {
    return undefined;
  }
  const type = view.getUint32(at + 4);
  let sizeBytes = view.getUint32(at);
  let headerBytes = 8;
  if (sizeBytes === 1) {
    if (limit - at < 16) {
      return undefined;
    }
    sizeBytes = view.getUint32(at + 8) * 2 ** 32 + view.getUint32(at + 12);
    headerBytes = 16;
  }
  if (sizeBytes < headerBytes || sizeBytes > Number.MAX_SAFE_INTEGER) {
    throw new PerchError('badInput', `MP4 box '${fourccText(type)}' of ${sizeBytes} bytes, at least ${headerBytes}`);
  }
  return { type, start: at, bodyStart: at + headerBytes, end: at + sizeBytes };
}

/** The box at `at` in a box that ends at `limit`; undefined at its end (a rest shorter than a header is padding). */
export function childAt(view: DataView, at: number, limit: number): BoxLocation | undefined {
  const child = boxAt(view, at, limit);
  if (child && child.end > limit) {
    throw new PerchError(
      'badInput',
      `MP4 box '${fourccText(child.type)}' ends ${child.end - limit} bytes after its parent`,
    );
  }
  return child;
}

/** The boxes inside a box. */
export function childrenOf(view: DataView, parent: BoxLocation): BoxLocation[] {
  const children: BoxLocation[] = [];
  for (let at = parent.bodyStart; ; ) {
    const child = childAt(view, at, parent.end);
    if (!child) {
      return children;
    }
    children.push(child);
    at = child.end;
  }
}

/**
 * The body of the first box of a type with at least this many bytes; undefined if it is missing or a box before it is truncated.
 */
export function bodyOfFirst(boxes: Uint8Array, type: number, bodyBytes: number): Uint8Array | undefined {
  const view = viewOf(boxes);
  for (let at = 0; at < boxes.length; ) {
    const child = boxAt(view, at, boxes.length);
    if (!child || child.end > boxes.length) {
      return undefined;
    }
    if (child.type === type && child.end - child.bodyStart >= bodyBytes) {
      return boxes.subarray(child.bodyStart, child.end);
    }
    at = child.end;
  }
  return undefined;
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Rejects a box whose body is too short. */
export function need(place: BoxLocation, bodyBytes: number): void {
  if (place.end - place.bodyStart < bodyBytes) {
    const has = place.end - place.bodyStart;
    throw new PerchError('badInput', `MP4 box '${fourccText(place.type)}' of ${has} bytes, at least ${bodyBytes}`);
  }
}

/** Version of a full box. */
export const versionOf = (view: DataView, place: BoxLocation): number => {
  need(place, 4);
  return view.getUint8(place.bodyStart);
};

/** Exact up to 2^53; callers reject larger values. */
export const uint64 = (view: DataView, at: number): number => view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
