import { PerchError } from '../../base/errors.ts';

const MIN_CORNERS = 3;
const MAX_CORNERS = 32;
const MAX_SHOWN = 64;
const SHARE = /^(?:0|1|0?\.\d{1,6}|0\.|1\.0{0,6})$/;
/** A comma separates the items of an environment variable. */
const ZONE_NAME = /^(?! )[^\p{C},:]{1,32}(?<! )$/u;

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

/** An area with a name. */
interface Zone {
  /** Undefined: its text has none. */
  readonly name: string | undefined;
  readonly corners: readonly Corner[];
}

/**
 * A polygon that may begin with a name: `Drive: 0.1,0.2 0.5,0.2 0.5,0.9`.
 * @throws PerchError badInput
 */
export function parseZone(text: string): Zone {
  const colon = text.indexOf(':');
  const name = colon < 0 ? undefined : text.slice(0, colon).trim();
  if (name !== undefined && !isZoneName(name)) {
    const shown = `'${name.slice(0, MAX_SHOWN)}' is not the name of an area`;
    throw new PerchError('badInput', `${shown}: write 1 to 32 characters, without commas and colons`);
  }
  return { name, corners: parsePolygon(text.slice(colon + 1)) };
}

export const isZoneName = (name: string): boolean => ZONE_NAME.test(name);

export const formatZone = ({ name, corners }: Zone): string =>
  name === undefined ? formatPolygon(corners) : `${name}: ${formatPolygon(corners)}`;

/** Zones as the configuration has them. One without a name is called by its place: `Zone 2`. Areas of one name are one zone. */
export const parseZones = (texts: readonly string[]): readonly (Zone & { readonly name: string })[] =>
  texts.map((text, i) => {
    const { name = `Zone ${i + 1}`, corners } = parseZone(text);
    return { name, corners };
  });

/** Names of the zones at a point. */
export const zonesAt = (zones: ReturnType<typeof parseZones>, x: number, y: number): readonly string[] =>
  zones.filter(({ corners }) => isWithin(x, y, corners)).map(({ name }) => name);

/** Whether a point is in a polygon, by the even-odd rule. */
export function isWithin(x: number, y: number, polygon: readonly Corner[]): boolean {
  let isInside = false;
  for (const [i, [ax, ay]] of polygon.entries()) {
    const [bx, by] = polygon[(i + 1) % polygon.length] ?? [ax, ay];
    if (ay <= y !== by <= y && ax + ((y - ay) / (by - ay)) * (bx - ax) <= x) {
      isInside = !isInside;
    }
  }
  return isInside;
}
