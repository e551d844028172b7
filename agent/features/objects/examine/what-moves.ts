import type { PicturePart } from '../../../picture/contracts.ts';
import type { Movement } from '../../contract.ts';
import type { FoundObject, RgbPicture } from '../detector/contract.ts';
import type { SeenObject } from './event-labels.ts';

/** An object moves if something has moved within this time before or after its picture. */
export const AROUND_MS = 1_000;
/** Share of a box in which something has to move. */
const MOVING_SHARE = 0.2;
/** Mean difference of the pixels of a box, in levels of green, from which on it has changed. */
const CHANGED = 12;

/** Cells of motion beside those that move: the object may reach into them. */
const MARGIN = { x: 1 / 16, y: 1 / 9 };
/** An object this near to the edge of the examined part, as a share of the part, may go on outside of it. */
const EDGE = 0.02;

export interface TakenPicture {
  /** Unix milliseconds, of the stream. */
  readonly wallMs: number;
  /** What of the camera's picture was examined. */
  readonly part: PicturePart;
  /** Its pixels, if that is the whole picture. */
  readonly whole: RgbPicture | undefined;
}

/** What has to be looked at in a picture of this time: what moves, with a margin. Undefined: all of it. */
export function aroundMotion(movement: Movement | undefined, wallMs: number): PicturePart | undefined {
  const box = movement?.movingBox(wallMs - AROUND_MS, wallMs + AROUND_MS);
  return (
    box && {
      x: box.x - MARGIN.x,
      y: box.y - MARGIN.y,
      width: box.width + 2 * MARGIN.x,
      height: box.height + 2 * MARGIN.y,
    }
  );
}

/** An object with its box in shares of the camera's picture. */
interface PlacedObject extends FoundObject {
  /** The examined part ends within it or close to it. */
  readonly isCut: boolean;
}

/** @param object with its box in shares of the part */
export function placed(object: FoundObject, part: PicturePart): PlacedObject {
  const { x, y, width, height } = object.box;
  const isCut =
    (part.x > 0 && x < EDGE) ||
    (part.y > 0 && y < EDGE) ||
    // Sums of shares have rounding errors.
    (part.x + part.width < 1 - 1e-6 && x + width > 1 - EDGE) ||
    (part.y + part.height < 1 - 1e-6 && y + height > 1 - EDGE);
  const box = {
    x: part.x + x * part.width,
    y: part.y + y * part.height,
    width: width * part.width,
    height: height * part.height,
  };
  return { ...object, box, isCut };
}

/** @param before whole picture before, for cameras whose motion is not known */
export function seenIn<T extends FoundObject>(
  picture: TakenPicture,
  objects: readonly T[],
  movement: Movement | undefined,
  before: RgbPicture | undefined,
): (T & SeenObject)[] {
  return objects.map((object) => {
    const { box } = object;
    const share = movement?.shareIn(box, picture.wallMs - AROUND_MS, picture.wallMs + AROUND_MS);
    const changed = picture.whole && before && hasChanged(box, picture.whole, before);
    const moves = share === undefined ? changed : share >= MOVING_SHARE;
    return { ...object, moves };
  });
}

/** Whether the box differs between two pictures of an event more than the light does: for cameras whose video has no readable motion. */
export function hasChanged({ x, y, width, height }: FoundObject['box'], now: RgbPicture, before: RgbPicture): boolean {
  if (now.width !== before.width || now.height !== before.height) {
    return false;
  }
  const light = meanDifference(now, before, 0, 0, now.width, now.height).signed;
  const left = Math.max(0, Math.floor(x * now.width));
  const top = Math.max(0, Math.floor(y * now.height));
  const right = Math.min(now.width, Math.ceil((x + width) * now.width));
  const bottom = Math.min(now.height, Math.ceil((y + height) * now.height));
  return meanDifference(now, before, left, top, right, bottom, light).absolute >= CHANGED;
}

function meanDifference(
  now: RgbPicture,
  before: RgbPicture,
  left: number,
  top: number,
  right: number,
  bottom: number,
  light = 0,
) {
  let [signed, absolute, count] = [0, 0, 0];
  for (let row = top; row < bottom; row += 1) {
    for (let column = left; column < right; column += 1) {
      const at = 3 * (row * now.width + column) + 1;
      const difference = (now.rgb[at] as number) - (before.rgb[at] as number) - light;
      signed += difference;
      absolute += Math.abs(difference);
      count += 1;
    }
  }
  return { signed: count === 0 ? 0 : signed / count, absolute: count === 0 ? 0 : absolute / count };
}
