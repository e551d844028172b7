import Type, { type Static } from 'typebox';
import { OrNull } from '../../http/api/schema/schemas.ts';

/** A week: notifications are switched off elsewhere. */
const MAX_SNOOZE_MINUTES = 7 * 24 * 60;

export const SNOOZE = Type.Optional(
  Type.Integer({ minimum: 0, maximum: MAX_SNOOZE_MINUTES, description: 'From now on. 0: none.' }),
);

/** @param minutes undefined: unchanged */
export const snoozeOf = (minutes: number | undefined, nowMs: number): { readonly snoozedUntil?: number } =>
  minutes === undefined ? {} : { snoozedUntil: minutes === 0 ? 0 : Math.round(nowMs) + minutes * 60_000 };

/** @param until Unix milliseconds; 0: not snoozed @returns RFC 3339 */
export const snoozeText = (until: number, nowMs: number): string | null =>
  until > nowMs ? new Date(until).toISOString() : null;

export const TestAnswer = Type.Object({
  sent: Type.Boolean({ description: 'The service has taken the message.' }),
  problem: OrNull(Type.String({ description: 'What is wrong, in a sentence.' })),
});

export const testAnswer = (problem: string | undefined): Static<typeof TestAnswer> => ({
  sent: problem === undefined,
  problem: problem ?? null,
});
