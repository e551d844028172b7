import Type from 'typebox';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';
import { LinkRateText } from '../../config/values/link-rate.ts';

const pathSchema = {
  backfill: Type.Boolean({
    default: true,
    isLive: true,
    description: 'Fetch what an outage has left out of the recordings from the card of the camera (ONVIF Profile G).',
  }),
  backfillHours: Type.String({
    default: '',
    isLive: true,
    syntax: 'hours',
    description:
      'Fetch only in these hours, such as 22:00-06:00, in timetableZone. Empty, or the same time twice = always.',
  }),
  backfillMaxRate: LinkRateText(
    "Fetch at most this much a second, such as 3M; 0 = no limit. auto: a quarter of what the camera's link carries, 3M at most.",
    { isLive: true },
  ),
};

/** Of a path: whether its gaps are filled from the camera's card. */
export const BACKFILL: FeatureKeys<Record<never, never>, typeof pathSchema> = {
  title: 'Gaps filled from cameras',
  schema: {},
  pathSchema,
};
