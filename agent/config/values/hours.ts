const DAY_MINUTES = 24 * 60;
const HOURS = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/** Hours of a day such as `22:00-06:00`. Empty, or the same time twice: always. */
export const isHours = (text: string): boolean => text === '' || HOURS.test(text);

/** @param hours valid by `isHours`. @param minute since midnight, local time */
export function isWithinHours(hours: string, minute: number): boolean {
  const [, fromHour, fromMinute, toHour, toMinute] = (HOURS.exec(hours) ?? []).map(Number);
  const [from, to] = [60 * (fromHour ?? 0) + (fromMinute ?? 0), 60 * (toHour ?? 0) + (toMinute ?? 0)];
  const passed = (at: number): number => (at - from + DAY_MINUTES) % DAY_MINUTES;
  return from === to || passed(minute) < passed(to);
}
