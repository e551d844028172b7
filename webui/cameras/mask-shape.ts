/** Shares of the picture's width and height, from its upper left corner. */
export type Point = readonly [x: number, y: number];
export type Shape = readonly Point[];

/** A mask of `/v3/cameras/masks`. */
export interface Mask {
  readonly token: string;
  readonly points: Shape;
  readonly enabled: boolean;
}

/** A mask that is drawn or changed. */
export interface MaskDraft {
  /** Undefined: a new one. */
  readonly token: string | undefined;
  readonly points: Shape;
}

interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Share of the picture's width and height. */
const MIN_SIZE = 0.03;
/** Coordinates are rounded to four decimals, as ONVIF sends them. */
const STEPS = 10_000;

const rounded = (value: number): number => Math.round(value * STEPS) / STEPS;
const within = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), max);

export function boundsOf(points: Shape): Bounds {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** Clockwise from the upper left corner. */
export function rectangleOf([ax, ay]: Point, [bx, by]: Point): Shape {
  const [left, right] = [rounded(Math.min(ax, bx)), rounded(Math.max(ax, bx))];
  const [top, bottom] = [rounded(Math.min(ay, by)), rounded(Math.max(ay, by))];
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}

/** The bounding rectangle, for cameras that take rectangles only. */
export function boxOf(points: Shape): Shape {
  const { x, y, width, height } = boundsOf(points);
  return rectangleOf([x, y], [x + width, y + height]);
}

/** Moved, within the picture. */
export function movedBy(points: Shape, [dx, dy]: Point): Shape {
  const { x, y, width, height } = boundsOf(points);
  const [right, down] = [within(dx, -x, 1 - x - width), within(dy, -y, 1 - y - height)];
  return points.map(([px, py]): Point => [rounded(px + right), rounded(py + down)]);
}

/** Larger or smaller to the right and down, within the picture. */
export function grownBy(points: Shape, [dx, dy]: Point): Shape {
  const { x, y, width, height } = boundsOf(points);
  const across = within(width + dx, MIN_SIZE, 1 - x) / (width || 1);
  const down = within(height + dy, MIN_SIZE, 1 - y) / (height || 1);
  return points.map(([px, py]): Point => [rounded(x + (px - x) * across), rounded(y + (py - y) * down)]);
}

/** With this corner at another place; a rectangle stays one if the camera takes no others. */
export function withCorner(points: Shape, corner: number, [x, y]: Point, isRectangleOnly: boolean): Shape {
  const to: Point = [rounded(within(x, 0, 1)), rounded(within(y, 0, 1))];
  return isRectangleOnly
    ? rectangleOf(points[(corner + 2) % points.length] ?? to, to)
    : points.map((point, i) => (i === corner ? to : point));
}

/** Share of the picture that it covers. */
export function areaOf(points: Shape): number {
  const twice = points.map(([x, y], i) => {
    const [nx, ny] = points[(i + 1) % points.length] ?? [x, y];
    return x * ny - nx * y;
  });
  return Math.abs(twice.reduce((sum, part) => sum + part, 0)) / 2;
}

/** Whether the shape is large enough to be grabbed. */
export const isWide = (points: Shape): boolean => {
  const { width, height } = boundsOf(points);
  return rounded(width) >= MIN_SIZE && rounded(height) >= MIN_SIZE;
};
