export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];

/** `getUTCDay` counts from Sunday. */
const SUNDAY_FIRST = 6;

/** @param date its UTC fields are the local date */
export const dayOf = (date: Date): Day => DAYS[(date.getUTCDay() + SUNDAY_FIRST) % DAYS.length] as Day;
