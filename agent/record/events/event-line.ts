import { type CameraEvent, EVENT_DIRECTIONS, type EventArea, type EventSource } from './event.ts';

export const EVENT_ID = /^[\w.:-]{1,64}$/;
export const EVENT_TYPE = /^[A-Za-z0-9][\w.-]{0,31}$/;
export const MAX_TEXT = 500;
const SOURCES: readonly string[] = ['api', 'camera', 'stream', 'perch'] satisfies readonly EventSource[];

/** An event as a journal line with a line break, without the path, which is the folder. */
export function writeEventLine({ id, type, startUs, endUs, source, text, area }: CameraEvent): string {
  // JSON omits undefined, such as the end of an ongoing event.
  return `${JSON.stringify({ id, type, startUs, endUs, source, text: text === '' ? undefined : text, area })}\n`;
}

export function readEventLine(line: string, path: string): CameraEvent | undefined {
  // Longer lines are neither written nor read.
  if (line.length > 4_096 || !line.startsWith('{')) {
    return undefined;
  }
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { id, type, startUs, endUs, source, text = '' } = value;
  const isNamed = typeof id === 'string' && EVENT_ID.test(id) && typeof type === 'string' && EVENT_TYPE.test(type);
  const isTimed = isTime(startUs) && (endUs === undefined || (isTime(endUs) && endUs >= startUs));
  if (!isNamed || !isTimed || typeof text !== 'string' || text.length > MAX_TEXT || !isSource(source)) {
    return undefined;
  }
  return { id, path, type, startUs, endUs, text, source, area: readArea(value['area']) };
}

/** @returns undefined if it is no area */
export function readArea(value: unknown): EventArea | undefined {
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  const { x, y, width, height, direction: text } = value as Readonly<Record<string, unknown>>;
  const direction = EVENT_DIRECTIONS.find((one) => one === text);
  return isShare(x) && isShare(y) && isShare(width) && isShare(height) ? { x, y, width, height, direction } : undefined;
}

const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isSource = (value: unknown): value is EventSource => typeof value === 'string' && SOURCES.includes(value);
