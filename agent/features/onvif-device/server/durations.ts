import { fault } from './soap.ts';

const DURATION = /^P(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8}(?:\.\d{1,6})?)S)?)?$/;

/** Milliseconds of an xs:duration without years and months: `PT10S`, `P1DT2H`; undefined for other texts. */
function parseXsDuration(text: string): number | undefined {
  const [, days, hours, minutes, seconds] = DURATION.exec(text) ?? [];
  const parts = [days, hours, minutes, seconds];
  if (parts.every((part) => part === undefined)) {
    return undefined;
  }
  const [d, h, m, s] = parts.map((part) => Number(part ?? 0)) as [number, number, number, number];
  return (((d * 24 + h) * 60 + m) * 60 + s) * 1000;
}

/** A duration, or the time until an xs:dateTime, within limits. @throws PerchError a fault for any other text */
export function durationFrom(
  text: string | undefined,
  nowMs: number,
  { usual, min, max }: { readonly usual: number; readonly min: number; readonly max: number },
): number {
  if (text === undefined) {
    return usual;
  }
  const ms = parseXsDuration(text) ?? Date.parse(text) - nowMs;
  if (Number.isNaN(ms)) {
    throw fault(`'${text.slice(0, 40)}' is neither a duration, such as PT60S, nor a time`, 'InvalidArgVal');
  }
  return Math.min(max, Math.max(min, ms));
}
