import { type CameraEvent, EVENT_DIRECTIONS, type EventArea, type EventSource } from './event.ts';
import { readLabels } from './event-labels.ts';
import { readZones } from './event-zones.ts';

export const EVENT_ID = /^[\w.:-]{1,64}$/;
export const EVENT_TYPE = /^[A-Za-z0-9][\w.-]{0,31}$/;
export const MAX_TEXT = 500;
/** Longer lines are neither written nor read. */
const MAX_LINE = 4_096;
const SOURCES: readonly string[] = ['api', 'camera', 'stream', 'perch'] satisfies readonly EventSource[];

/** An event as a journal line with a line break, without the path, which is the folder. */
export function writeEventLine({ id, type, startUs, endUs, source, text, area, labels, zones }: CameraEvent): string {
  // JSON omits undefined, such as the end of an ongoing event.
  const event = { id, type, startUs, endUs, source, text: text === '' ? undefined : text, area };
  // A text of control characters takes six times its length.
  const plain = labels?.map((label) => ({ ...label, zones: undefined }));
  const lines = [{ ...event, labels, zones }, { ...event, labels: plain, zones }, { ...event, zones }, event].map(
    (one) => JSON.stringify(one),
  );
  return `${lines.find((line) => line.length <= MAX_LINE) ?? ''}\n`;
}

export function readEventLine(line: string, path: string): CameraEvent | undefined {
  if (line.length > MAX_LINE || !line.startsWith('{')) {
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
  return {
    id,
    path,
    type,
    startUs,
    endUs,
    text,
    source,
    area: readArea(value['area']),
    labels: readLabels(value['labels']),
    zones: readZones(value['zones']),
  };
}

/** @returns undefined if it is no area */
export function readArea(value: unknown): EventArea | undefined {
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  const { x, y, width, height, direction: text, at: time } = value as Readonly<Record<string, unknown>>;
  const direction = EVENT_DIRECTIONS.find((one) => one === text);
  const at = isTime(time) ? time : undefined;
  return isShare(x) && isShare(y) && isShare(width) && isShare(height)
    ? { x, y, width, height, direction, at }
    : undefined;
}

const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isSource = (value: unknown): value is EventSource => typeof value === 'string' && SOURCES.includes(value);
