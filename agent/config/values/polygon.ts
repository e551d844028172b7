import { PerchError } from '../../base/errors.ts';

const MIN_CORNERS = 3;
const MAX_CORNERS = 32;
const MAX_SHOWN = 64;
const SHARE = /^(?:0|1|0?\.\d{1,6}|0\.|1\.0{0,6})$/;

/** A corner in shares of the picture's width and height, from its upper left corner. */
export type Corner = readonly [x: number, y: number];

/**
 * Corners as SVG has them (SVG 2 §9.7, `points`): `0.1,0.2 0.5,0.2 0.5,0.9`. Spaces do as well as commas.
 * @throws PerchError badInput
 */
export function parsePolygon(text: string): readonly Corner[] {
  const shares = text.trim().split(/\s*,\s*|\s+/);
  const count = shares.length / 2;
  if (!shares.every((share) => SHARE.test(share)) || !Number.isInteger(count)) {
    const shown = `'${text.slice(0, MAX_SHOWN)}' is not an area of the picture`;
    throw new PerchError('badInput', `${shown}: write corners as x,y from 0 to 1, such as 0.1,0.2 0.5,0.2 0.5,0.9`);
  }
  if (count < MIN_CORNERS || count > MAX_CORNERS) {
    throw new PerchError('badInput', `has ${count} corners: write ${MIN_CORNERS} to ${MAX_CORNERS}`);
  }
  const corners = Array.from({ length: count }, (_, i): Corner => [Number(shares[2 * i]), Number(shares[2 * i + 1])]);
  for (const axis of [0, 1] as const) {
    if (corners.every((corner) => corner[axis] === corners[0]?.[axis])) {
      throw new PerchError('badInput', `has no ${axis === 0 ? 'width' : 'height'}: its corners are on one line`);
    }
  }
  return corners;
}

/** The text of a polygon, in the form that `parsePolygon` reads. */
export const formatPolygon = (corners: readonly Corner[]): string =>
  corners.map(([x, y]) => `${shareText(x)},${shareText(y)}`).join(' ');

const shareText = (share: number): string => String(Math.round(share * 1e6) / 1e6);
