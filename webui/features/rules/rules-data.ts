import { PreconditionFailed, patchConfig, readConfig } from '../../api-client/config.ts';
import type { Change } from '../../api-client/request.ts';
import { HOURS } from '../../forms/hours.ts';
import type { Mode } from './sentence-words.ts';
import type { RulesWords } from './words/en.ts';

/** What makes a rule run; absent: a person or a program. */
export interface Trigger {
  readonly event: string;
  readonly path: string;
  readonly zone?: string;
  readonly modes?: readonly Mode[];
  /** `22:00-06:00` */
  readonly hours?: string;
}

/** One action: exactly one of its first five members. */
export interface Action {
  readonly preset?: string;
  readonly output?: string;
  readonly record?: boolean;
  readonly run?: string;
  readonly url?: string;
  /** Camera that acts, of the first three. */
  readonly path?: string;
  /** Default: `USUAL_SECONDS`. */
  readonly seconds?: number;
}

export interface Rule {
  readonly name: string;
  readonly when?: Trigger;
  readonly actions: readonly Action[];
  /** `30s` */
  readonly pause?: string;
}

/** Undefined: without that member. */
export type RuleChange = { readonly [K in keyof Rule]?: Rule[K] | undefined };

/** In the configuration, where the actions are called `then`. */
type WrittenRule = Omit<Rule, 'actions'> & { readonly then: readonly Action[] };

/** The part of the configuration's top level that the page uses. */
export interface RulesConfig {
  readonly rules?: readonly WrittenRule[];
}

export const rulesOf = ({ rules = [] }: RulesConfig): readonly Rule[] =>
  rules.map(({ then: actions, ...rule }) => ({ ...rule, actions }));

const written = ({ actions, ...rule }: Rule): WrittenRule =>
  // biome-ignore lint/suspicious/noThenProperty: a key of the configuration, and a list.
  ({ ...rule, then: actions });

const ACTION_KINDS = ['preset', 'output', 'record', 'url', 'run'] as const;
export type ActionKind = (typeof ACTION_KINDS)[number];

/** Undefined: the page does not know it. */
export const kindOf = (action: Action): ActionKind | undefined =>
  ACTION_KINDS.find((kind) => action[kind] !== undefined);

/** The box has the same limits. */
export const MAX_RULES = 64;
export const MAX_ACTIONS = 8;
export const MAX_NAME_CHARS = 64;
export const SECONDS_STEPS = [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600];
export const PAUSE_STEPS = [0, ...SECONDS_STEPS];
export const USUAL_SECONDS = 30;
export const USUAL_PAUSE = '30s';
export const NIGHT_HOURS = '22:00-06:00';

const UNIT_SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of `30s` or `1h30m`. */
export const secondsOf = (duration: string): number =>
  [...duration.matchAll(/([\d.]+)(ms|[smhd])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (UNIT_SECONDS[unit] ?? 0),
    0,
  );

const GET = 'v3/config/global/get';
/** The configuration with the rules, and what became of each. */
export const RULES = GET;
export const STATUS = 'v3/rules/list';
export const runAddress = (name: string): string => `v3/rules/run/${encodeURIComponent(name)}`;
export const stopAddress = (name: string): string => `v3/rules/stop/${encodeURIComponent(name)}`;

/** @param path of a camera; without one the rule is run by hand */
export const newDraft = (path: string | undefined): Omit<Rule, 'name'> => ({
  ...(path !== undefined && { when: { event: 'person', path } }),
  actions: [],
  pause: USUAL_PAUSE,
});

/** The order of the keys is of no importance. */
export const isSameRule = (a: Rule, b: Rule): boolean => sortedText(a) === sortedText(b);

const sortedText = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
const PATCH = 'v3/config/global/patch';

/** Saves a change of the rules; if others have changed the configuration meanwhile, it is applied to theirs. */
export async function changeRules(
  next: (all: readonly Rule[]) => readonly Rule[],
  change?: Change,
  isRetry = false,
): Promise<void> {
  const { value, tag } = await readConfig<RulesConfig>(GET);
  try {
    await patchConfig(PATCH, { rules: next(rulesOf(value)).map(written) }, tag, change);
  } catch (error) {
    if (!(error instanceof PreconditionFailed) || isRetry) {
      throw error;
    }
    await changeRules(next, change, true);
  }
}

/** The rules with a changed one in its place, or with a new one at the end. @param former its name so far */
export function withRule(all: readonly Rule[], rule: Rule, former?: string): readonly Rule[] {
  const placeOf = (wanted: string) => all.findIndex(({ name }) => name === wanted);
  const before = former === undefined ? -1 : placeOf(former);
  // Saved already by a request whose answer was lost.
  const at = before === -1 ? placeOf(rule.name) : before;
  return at === -1 ? [...all, rule] : all.with(at, rule);
}

/** Names of the zones in `motionZones`: one without a name is called by its place, and areas of one name are one zone. */
export const zoneNames = (zones: readonly string[] = []): readonly string[] => [
  ...new Set(zones.map((text, i) => /^(.*?):/s.exec(text)?.[1]?.trim() ?? `Zone ${i + 1}`)),
];

/** A name that no other rule has. */
export function freeName(wanted: string, taken: readonly string[]): string {
  const base = wanted.slice(0, MAX_NAME_CHARS - 4).trim();
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base} ${number}`;
    if (!taken.includes(name)) {
      return name;
    }
  }
}

/**
 * The word of the sentence that the box's message is about, such as `0.preset` for `rules[3].then[0].preset: …`; undefined: it is about none.
 *
 * @param actions of the rule
 */
export function wordOfMessage(message: string, actions: readonly Action[]): string | undefined {
  const [, trigger, number, ofAction, ofRule] =
    /rules\[\d+\]\.(?:when\.(\w+)|then\[(\d+)\](?:\.(\w+))?|(name|pause|then))/.exec(message) ?? [];
  if (trigger !== undefined) {
    return TRIGGER_WORDS[trigger];
  }
  if (number === undefined) {
    return ofRule === 'then' ? ADD : ofRule;
  }
  const action = actions[Number(number)];
  const kind = action && kindOf(action);
  const word = ofAction ?? kind;
  return word === undefined ? undefined : `${number}.${ACTION_WORDS[word] ?? word}`;
}

const ACTION_WORDS: Readonly<Record<string, string>> = { path: 'camera', record: 'camera', run: 'command' };

/** Instead of a word: what adds an action. */
export const ADD = 'add';

const TRIGGER_WORDS: Readonly<Record<string, string>> = {
  event: 'event',
  path: 'camera',
  zone: 'zone',
  modes: 'time',
  hours: 'time',
};

/** Without the place in the configuration: the page shows it at the word. */
export const plainMessage = (message: string): string =>
  message.replace(/^.*?rules\[\d+\][\w.[\]]*:?\s*(?:rule '.*?': )?/s, '');

/** What is wrong with a rule by the word that it is shown at, in the order of the sentence. @param taken names of other rules */
export function faultsOf(rule: Rule, taken: readonly string[], t: RulesWords): Readonly<Record<string, string>> {
  const { name } = rule;
  const all: readonly (readonly [string, string | undefined])[] = [
    ['camera', rule.when?.path === '' ? t.noCamera : undefined],
    ['time', HOURS.test(rule.when?.hours ?? NIGHT_HOURS) ? undefined : t.timeWrong],
    ...rule.actions.map((action, i) => actionFault(action, i, t)),
    [ADD, rule.actions.length === 0 ? t.noAction : undefined],
    ['name', name.length > MAX_NAME_CHARS ? t.nameWrong : taken.includes(name) ? t.nameTaken : undefined],
  ];
  return Object.fromEntries(all.filter(([, fault]) => fault !== undefined)) as Record<string, string>;
}

function actionFault(action: Action, i: number, words: RulesWords): readonly [string, string | undefined] {
  const { path, preset, output, run = '', url = '' } = action;
  switch (kindOf(action)) {
    case 'run':
      return [`${i}.command`, run.trim() === '' ? words.commandWrong : undefined];
    case 'url':
      return [`${i}.url`, /^https?:[/]{2}/i.test(url) && URL.canParse(url) ? undefined : words.urlWrong];
    case 'preset':
      return preset === '' ? [`${i}.preset`, words.noPreset] : [`${i}.camera`, path ? undefined : words.noCamera];
    case 'output':
      return output === '' ? [`${i}.output`, words.noOutput] : [`${i}.camera`, path ? undefined : words.noCamera];
    default:
      return [`${i}.camera`, undefined];
  }
}
