import Type, { type Static } from 'typebox';

/** A preset for a time, as a rule wants it. */
const Hold = Type.Object({
  owner: Type.String(),
  /** Name or token. */
  preset: Type.String(),
  /** Unix milliseconds. */
  untilMs: Type.Number(),
  /** Its length, which limits what remains of it if the clock was wrong. */
  lastsMs: Type.Number(),
});
export type Hold = Static<typeof Hold>;

const Place = Type.Union([
  Type.Object({ preset: Type.String() }),
  Type.Object({
    pan: Type.Optional(Type.Number()),
    tilt: Type.Optional(Type.Number()),
    zoom: Type.Optional(Type.Number()),
  }),
  /** Its home position, because it does not report where it looks. */
  Type.Literal('home'),
]);
export type Place = Static<typeof Place>;

/** What a restart needs to continue. */
export const StoredPosition = Type.Object({
  holds: Type.Array(Hold),
  /** Where the camera was before the first of them. */
  before: Type.Optional(Place),
});
export type StoredPosition = Static<typeof StoredPosition>;

export type Axis = 'pan' | 'tilt' | 'zoom';

export const isSame = (one: Place | undefined, other: Place | undefined): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

export const isOrigin = (position: Partial<Record<Axis, number>>): boolean =>
  Object.values(position).every((share) => share === 0);
