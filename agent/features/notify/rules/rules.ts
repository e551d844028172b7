import Type, { type Static } from 'typebox';
import { DAYS, type Day } from '../../../base/time/days.ts';
import { type Notice, noticeKind } from './notice.ts';

const NO_MORE = { additionalProperties: false };
const TimeOfDay = Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', description: 'Local time, 22:00.' });

const Hours = Type.Object(
  {
    from: TimeOfDay,
    to: Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', description: 'Earlier than `from`: on the next day.' }),
    days: Type.Optional(
      Type.Array(Type.Enum([...DAYS]), { maxItems: DAYS.length, description: 'On which it begins; default: all.' }),
    ),
  },
  NO_MORE,
);

export const Rule = Type.Object(
  {
    cameras: Type.Union(
      [Type.Literal('all'), Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 500 })],
      { description: "'all', or names of paths." },
    ),
    kinds: Type.Array(Type.String({ pattern: '^[\\w.-]{1,32}$' }), {
      maxItems: 32,
      description: 'Types of events, and `offline`, `disk` and `hardware`.',
    }),
    hours: Type.Optional(Hours),
  },
  NO_MORE,
);
export type Rule = Static<typeof Rule>;
export const Rules = Type.Array(Rule, { maxItems: 20, description: 'One of them has to match.' });

export interface LocalTime {
  readonly day: Day;
  /** Minutes since midnight. */
  readonly minutes: number;
}

/** @param local undefined if the box does not know the time; the hours of rules are then ignored */
export const matches = (rules: readonly Rule[], notice: Notice, local: LocalTime | undefined): boolean =>
  rules.some(
    ({ cameras, kinds, hours }) =>
      kinds.some((kind) => noticeKind(kind) === notice.kind) &&
      // A notice about the box belongs to no camera, so it passes any choice of cameras.
      (cameras === 'all' || notice.path === '' || cameras.includes(notice.path)) &&
      (!hours || !local || isWithin(hours, local)),
  );

function isWithin({ from, to, days = [...DAYS] }: Static<typeof Hours>, { day, minutes }: LocalTime): boolean {
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  const before = DAYS[(DAYS.indexOf(day) + DAYS.length - 1) % DAYS.length] as Day;
  if (begin < end) {
    return minutes >= begin && minutes < end && days.includes(day);
  }
  return (minutes >= begin && days.includes(day)) || (minutes < end && days.includes(before));
}

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
