import type { CameraEvent, EventSource } from './event.ts';

/** Longer ones are not written, and nobody reads them. */
export const MAX_LINE = 4_096;
export const EVENT_ID = /^[\w.:-]{1,64}$/;
export const EVENT_TYPE = /^[A-Za-z0-9][\w.-]{0,31}$/;
export const MAX_TEXT = 500;
const SOURCES: readonly string[] = ['api', 'camera', 'perch'] satisfies readonly EventSource[];

/** One event as a line of its path's journal, without the path, which the folder tells. Ends with a line break. */
export function writeEventLine({ id, type, startUs, endUs, source, text }: CameraEvent): string {
  // An event that lasts has no end, and JSON leaves out what is not there.
  return `${JSON.stringify({ id, type, startUs, endUs, source, text: text === '' ? undefined : text })}\n`;
}

/** Undefined for a line that is none: torn, or not ours. */
export function readEventLine(line: string, path: string): CameraEvent | undefined {
  if (line.length > MAX_LINE || !line.startsWith('{')) {
    return undefined;
  }
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(line);
  } catch {
    // A power cut has torn it; JSON.parse knows no other failure.
    return undefined;
  }
  const { id, type, startUs, endUs, source, text = '' } = value;
  const isNamed = typeof id === 'string' && EVENT_ID.test(id) && typeof type === 'string' && EVENT_TYPE.test(type);
  const isTimed = isTime(startUs) && (endUs === undefined || (isTime(endUs) && endUs >= startUs));
  if (!isNamed || !isTimed || typeof text !== 'string' || text.length > MAX_TEXT || !isSource(source)) {
    return undefined;
  }
  return { id, path, type, startUs, endUs, text, source };
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isSource = (value: unknown): value is EventSource => typeof value === 'string' && SOURCES.includes(value);
