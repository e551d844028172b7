import Type, { type Static } from 'typebox';
import { eventKinds } from '../../base/event-kinds.ts';
import { HOUR_MS } from '../../base/time/units.ts';
import type { Fault } from '../../config/schema/common/key-rules.ts';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';
import { Duration } from '../../config/values/duration.ts';
import { MODES } from '../../config/values/modes.ts';
import type { Resolved } from '../../config/values/quantity.ts';

const MAX_ACTIONS = 8;
/** Default of `seconds`. */
const USUAL_SECONDS = 30;
const MAX_PAUSE_HOURS = 24;
/** Half of a shorter pause would be without motion detection: a camera that was turned is given 10 s. */
const MIN_PAUSE_S = 20;
/** The API takes tokens of this length. */
const MAX_PRESET_CHARS = 200;

const When = Type.Object(
  {
    event: Type.Enum(
      eventKinds.map(([kind]) => kind),
      { description: 'Kind of the event, or of an object in its pictures.' },
    ),
    path: Type.String({ description: 'Path of the camera that has the event.' }),
    zone: Type.Optional(
      Type.String({ description: 'Name of a zone of that path (`motionZones`). Default: anywhere.' }),
    ),
    modes: Type.Optional(Type.Array(Type.Enum([...MODES]), { description: 'Modes in which it counts. Default: all.' })),
    hours: Type.Optional(
      Type.String({
        syntax: 'hours',
        description:
          'Hours in which it counts, such as 22:00-06:00, in timetableZone. Default, or the same time twice: always.',
      }),
    ),
  },
  { description: 'The event that starts it. Absent: requests alone do.' },
);

/** One of `ACTION_KEYS`, with what belongs to it. */
const Action = Type.Object({
  preset: Type.Optional(
    Type.String({ description: 'Turn the camera of `path` to this preset, name or token, and back.' }),
  ),
  output: Type.Optional(Type.String({ description: 'Switch this output of the camera of `path` on, and off.' })),
  record: Type.Optional(Type.Boolean({ description: 'Record the camera of `path`.' })),
  run: Type.Optional(Type.String({ syntax: 'command', description: 'Run this command, as runOnInit does.' })),
  url: Type.Optional(Type.String({ syntax: 'askedUrl', description: 'POST the event as JSON to this address.' })),
  path: Type.Optional(Type.String({ description: 'Path of the camera, for preset, output and record.' })),
  seconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 3_600,
      description: `How long, for preset, output and record. Default: ${USUAL_SECONDS}.`,
    }),
  ),
});

const Rule = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, description: 'Its name, unique.' }),
  when: Type.Optional(When),
  // biome-ignore lint/suspicious/noThenProperty: a key of the configuration.
  then: Type.Array(Action, { description: `What it does, at most ${MAX_ACTIONS} things.` }),
  pause: Duration('30s', 'After a run, events start it again only after this time.'),
});

export type When = Static<typeof When>;
export type Action = Static<typeof Action>;
export type Rule = Resolved<Static<typeof Rule>>;
type ActionKey = (typeof ACTION_KEYS)[number];

const ACTION_KEYS = ['preset', 'output', 'record', 'run', 'url'] as const;
const OF_CAMERAS: ReadonlySet<ActionKey> = new Set<ActionKey>(['preset', 'output', 'record']);

export const actionKeyOf = (action: Action): ActionKey | undefined =>
  ACTION_KEYS.find((key) => action[key] !== undefined);

/** Whether it goes on after it has begun. */
export const lasts = (action: Action): boolean => OF_CAMERAS.has(actionKeyOf(action) ?? 'run');

export const secondsOf = ({ seconds = USUAL_SECONDS }: Action): number => seconds;

const schema = {
  rules: Type.Unsafe<readonly Rule[]>(
    Type.Array(Rule, {
      default: [],
      isRight: true,
      maxItems: 64,
      description: 'What cameras do when another one has an event, or when a person asks for it.',
    }),
  ),
};

const PatrolStep = Type.Object({
  preset: Type.String({ minLength: 1, maxLength: MAX_PRESET_CHARS, description: 'Name or token of the preset.' }),
  seconds: Type.Number({
    minimum: MIN_PAUSE_S,
    maximum: 86_400,
    description: `How long the camera stays there, at least ${MIN_PAUSE_S}.`,
  }),
});

/** Guard position and patrol of a path's camera. */
const pathSchema = {
  ptzGuard: Type.String({
    default: '',
    isLive: true,
    maxLength: MAX_PRESET_CHARS,
    description: 'Preset, by name or token, to which the camera returns when nobody moves it. Empty = it stays.',
  }),
  ptzGuardAfter: Duration('60s', 'With ptzGuard: how long after the last move of a person, at least 60 s.', {
    isLive: true,
  }),
  ptzPatrol: Type.Array(PatrolStep, {
    default: [],
    isLive: true,
    maxItems: 64,
    description: 'Presets that the camera visits in turn while nobody moves it. It takes precedence over ptzGuard.',
  }),
};

export const RULES: FeatureKeys<typeof schema, typeof pathSchema> = {
  title: 'Rules',
  schema,
  pathSchema,
  faults: ({ rules }) => rules.flatMap((rule, i) => faultsOf(rule, i, rules)),
};

function faultsOf(rule: Rule, i: number, all: readonly Rule[]): readonly Fault[] {
  const { name, when, pauseMs } = rule;
  const fault = (key: string, message: string): Fault => ({
    key: `rules[${i}]${key}`,
    message: `rule '${name}': ${message}`,
  });
  const count = rule.then.length;
  return [
    ...(all.findIndex((other) => other.name === name) < i ? [fault('.name', 'another rule has this name')] : []),
    ...(/\p{C}/u.test(name) ? [fault('.name', 'the name has characters that cannot be shown')] : []),
    ...(name.trim() === name ? [] : [fault('.name', 'the name begins or ends with a blank')]),
    ...(when?.path === '' ? [fault('.when.path', 'the path is empty: name the camera that has the event')] : []),
    ...(when?.zone === '' ? [fault('.when.zone', 'the zone is empty: leave the key out for the whole picture')] : []),
    ...(when?.modes?.length === 0 ? [fault('.when.modes', 'has no mode: leave the key out for all modes')] : []),
    ...(pauseMs > MAX_PAUSE_HOURS * HOUR_MS ? [fault('.pause', `longer than the limit of ${MAX_PAUSE_HOURS}h`)] : []),
    ...(count === 0 ? [fault('.then', 'does nothing: write for example [{preset: Gate, path: yard}]')] : []),
    ...(count > MAX_ACTIONS ? [fault('.then', `has ${count} actions, the limit is ${MAX_ACTIONS}`)] : []),
    ...rule.then.flatMap(({ preset, path }, at) =>
      preset !== undefined && rule.then.findIndex((other) => other.preset !== undefined && other.path === path) < at
        ? [fault(`.then[${at}].preset`, `turns '${path}' twice: a rule has one preset of a camera`)]
        : [],
    ),
    ...rule.then.flatMap((action, at) =>
      actionFaults(action).map(([key, message]) => fault(`.then[${at}]${key}`, message)),
    ),
  ];
}

function actionFaults(action: Action): readonly (readonly [key: string, message: string])[] {
  const given = ACTION_KEYS.filter((key) => action[key] !== undefined);
  const [key] = given;
  if (key === undefined || given.length > 1) {
    const found = key === undefined ? 'none of them' : given.join(' and ');
    return [['', `an action has one of the keys ${ACTION_KEYS.join(', ')}, here ${found}`]];
  }
  const isOfCamera = OF_CAMERAS.has(key);
  const rest = (['path', 'seconds'] as const).filter((one) => action[one] !== undefined);
  return [
    ...(action[key] === '' ? [[`.${key}`, `${key} is empty`] as const] : []),
    ...(action.record === false ? [['.record', 'record: no does nothing: leave the action out'] as const] : []),
    ...(isOfCamera && !action.path ? [['', `${key} needs the path of its camera`] as const] : []),
    ...(isOfCamera ? [] : rest.map((one) => [`.${one}`, `${one} has no effect with ${key}`] as const)),
  ];
}
