import { boundsOf, type Point, rectangleOf, type Shape } from '../../cameras/mask-shape.ts';
import { number } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { motionWords } from './words.ts';

export type MotionSource = 'camera' | 'stream' | 'both';

/** Its keys of a path. */
export interface MotionConfig {
  readonly motionSource?: MotionSource;
  readonly motionSensitivity?: number;
  readonly motionZones?: readonly string[];
  readonly motionMasks?: readonly string[];
  readonly motionMinSize?: number;
  readonly motionHours?: string;
}

/** A zone or mask. */
export interface Area {
  /** Of a zone; empty: it is called by its place. */
  readonly name: string;
  readonly shape: Shape;
}

export interface MotionSettings {
  readonly source: MotionSource;
  /** 0 to 100. */
  readonly sensitivity: number;
  readonly zones: readonly Area[];
  readonly masks: readonly Area[];
  /** Share of the picture. */
  readonly minSize: number;
  /** `22:00-06:00`, or empty. */
  readonly hours: string;
}

export const SENSITIVITY_STEPS = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
export const SIZE_STEPS = [0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
/** Maximum number of areas of each kind in the configuration. */
export const MAX_AREAS = 16;
export const MAX_CORNERS = 32;
/** Width and height of a new area, as shares of the picture. */
const NEW_SIZE = 0.3;
const MIDDLE: Point = [0.35, 0.35];
const STEPS = [0.35, 0.03, 0.67];
const PLACES = STEPS.flatMap((y) => STEPS.map((x): Point => [x, y]));
/** Steps of sensitivity that double the score. */
const DOUBLING = 40;

export const motionOf = (config: MotionConfig): MotionSettings => ({
  source: config.motionSource ?? 'camera',
  sensitivity: config.motionSensitivity ?? 50,
  zones: (config.motionZones ?? []).map(areaOf),
  masks: (config.motionMasks ?? []).map(areaOf),
  minSize: config.motionMinSize ?? 0,
  hours: config.motionHours ?? '',
});

/** The keys of the configuration. */
export const motionKeys = ({ source, sensitivity, zones, masks, minSize, hours }: Partial<MotionSettings>) => ({
  ...(source !== undefined && { motionSource: source }),
  ...(sensitivity !== undefined && { motionSensitivity: sensitivity }),
  ...(zones && { motionZones: zones.map(areaText) }),
  ...(masks && { motionMasks: masks.map(areaText) }),
  ...(minSize !== undefined && { motionMinSize: minSize }),
  ...(hours !== undefined && { motionHours: hours }),
});

/** Parses an area as the configuration has it: `Drive: 0.1,0.2 0.5,0.2 0.5,0.9`. */
function areaOf(text: string): Area {
  const [corners = '', name = ''] = text.split(': ').reverse();
  const shape = corners.split(' ').map((corner): Point => {
    const [x = 0, y = 0] = corner.split(',').map(Number);
    return [x, y];
  });
  return { name, shape };
}

function areaText({ name, shape }: Area): string {
  const corners = shape.map((corner) => corner.join()).join(' ');
  return name.trim() === '' ? corners : `${name.trim()}: ${corners}`;
}

/** What a name may have of a text that is typed. */
export const typedName = (text: string): string => [...text.replaceAll(/[\p{C},:]/gu, '')].slice(0, 32).join('');

/** What events call a zone. */
const placedName = ({ name }: Area, i: number): string => name.trim() || `Zone ${i + 1}`;

/** The others keep what events and rules call them: those that change their place get it as their name. */
export const withoutZone = (zones: readonly Area[], index: number): readonly Area[] =>
  zones.map((zone, i) => (i > index ? { ...zone, name: placedName(zone, i) } : zone)).toSpliced(index, 1);

/** Name of a further zone: empty unless another one is called by its place. */
export function newZoneName(zones: readonly Area[]): string {
  const taken = new Set(zones.map(placedName));
  const free = [...Array(MAX_AREAS + 1).keys()].find((i) => i >= zones.length && !taken.has(`Zone ${i + 1}`));
  return free === undefined || free === zones.length ? '' : `Zone ${free + 1}`;
}

/** An area before it is moved: where no other one is, from the middle outwards. */
export function newArea(others: readonly Shape[]): Shape {
  const isFree = ([x, y]: Point): boolean =>
    others.map(boundsOf).every((other) => {
      const isBeside = other.x >= x + NEW_SIZE || x >= other.x + other.width;
      return isBeside || other.y >= y + NEW_SIZE || y >= other.y + other.height;
    });
  const [x, y] = PLACES.find(isFree) ?? MIDDLE;
  return rectangleOf([x, y], [x + NEW_SIZE, y + NEW_SIZE]);
}

/** With a corner in the middle of its longest edge. */
export function withMoreCorners(shape: Shape): Shape {
  const lengths = shape.map(([x, y], i) => {
    const [nextX, nextY] = shape[(i + 1) % shape.length] ?? [x, y];
    return Math.hypot(nextX - x, nextY - y);
  });
  const longest = lengths.indexOf(Math.max(...lengths));
  const [[ax, ay], [bx, by]] = [shape[longest] ?? [0, 0], shape[(longest + 1) % shape.length] ?? [0, 0]];
  const middle = (a: number, b: number): number => Math.round(5_000 * (a + b)) / 10_000;
  return shape.toSpliced(longest + 1, 0, [middle(ax, bx), middle(ay, by)]);
}

/** Converts a score that was measured with the sensitivity `from` to the sensitivity `to`. */
export const scoreWith = (score: number, from: number, to: number): number => score * 2 ** ((to - from) / DOUBLING);

export function motionSourceText(source: MotionSource): string {
  const t = motionWords.value;
  return { camera: t.byCamera, stream: t.byStream, both: t.byBoth }[source];
}

export function minSizeText(share: number): string {
  const t = motionWords.value;
  return share === 0 ? t.anySize : t.size(number(100 * share, 1, i18n().language));
}
