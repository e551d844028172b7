import Type, { type Static } from 'typebox';
import { DAYS } from '../../base/time/days.ts';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';
import { MODES, type Mode } from '../../config/values/modes.ts';

/** Maximum number of entries of the timetable: one for every hour of the week. */
const MAX_ENTRIES = 168;

const RuleSchema = Type.Object({
  record: Type.Optional(
    Type.Enum(['no', 'always', 'motion'], {
      words: { yes: 'always', no: 'no' },
      description: '`record` in this mode.',
    }),
  ),
  audio: Type.Optional(Type.Boolean({ description: '`audio` in this mode.' })),
  notify: Type.Optional(Type.Boolean({ description: 'Send notifications of the camera in this mode. Default: yes.' })),
  privacy: Type.Optional(
    Type.Boolean({
      description: 'Take no stream, recording, event or picture from the camera in this mode. Default: no.',
    }),
  ),
});
export type ModeRule = Static<typeof RuleSchema>;

/** Settings of a path that differ in a mode. */
const ModeRules = Type.Object(
  Object.fromEntries(MODES.map((mode) => [mode, Type.Optional(RuleSchema)])) as Record<
    Mode,
    Type.TOptional<typeof RuleSchema>
  >,
  { isLive: true, description: 'Settings that differ in a mode (`/v3/mode`); keys that are absent are as configured.' },
);

const EntrySchema = Type.Object({
  days: Type.Array(Type.Enum([...DAYS]), { description: 'Days of the week.' }),
  from: Type.String({ syntax: 'timeOfDay', description: 'Local time, such as 07:30.' }),
  mode: Type.Enum([...MODES], { description: 'The mode that begins.' }),
});
export type TimetableEntry = Static<typeof EntrySchema>;

const schema = {
  timetable: Type.Array(EntrySchema, {
    default: [],
    description: 'When each mode begins. Empty = modes change on request only.',
  }),
};
const pathSchema = { modes: Type.Optional(ModeRules) };

export const MODE_KEYS: FeatureKeys<typeof schema, typeof pathSchema> = {
  title: 'Modes',
  schema,
  pathSchema,
  faults: ({ timetable }) =>
    timetable.length > MAX_ENTRIES
      ? [{ key: 'timetable', message: `has ${timetable.length} entries, the limit is ${MAX_ENTRIES}` }]
      : timetable.flatMap(({ days }, i) =>
          days.length === 0
            ? [{ key: `timetable[${i}].days`, message: 'has no day: write for example [mon, tue]' }]
            : [],
        ),
};
