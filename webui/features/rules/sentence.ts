import { clockOf } from '../../words/clock-text.ts';
import { spaced } from '../../words/format.ts';
import { type Action, kindOf, type Rule, secondsOf, type Trigger, USUAL_SECONDS } from './rules-data.ts';
import { modeName, zoneText } from './sentence-words.ts';
import type { RulesWords } from './words/en.ts';

/** A stretch of a sentence; `word`: it can be changed. */
export interface Part {
  readonly text: string;
  /** `event`, `camera`, `zone`, `time`, `pause`, `name`; of the second action `1.camera`, `1.preset` and so on. */
  readonly word?: string;
}

/** What a sentence takes from elsewhere. */
export interface SentenceContext {
  readonly t: RulesWords;
  /** Locale of times and numbers. */
  readonly language: string;
  titleOf(path: string): string;
  /** What happens, such as `a person is seen`. */
  eventText(event: string): string;
  /** Name of an output in a sentence. */
  outputText(path: string, id: string): string;
}

/** Puts parts into the places of a text in braces. The order is that of the language. */
export function fill(template: string, places: Readonly<Record<string, readonly Part[]>>): readonly Part[] {
  return template
    .split(/\{(\w+)\}/)
    .flatMap((text, i) => (i % 2 === 0 ? (text ? [{ text }] : []) : (places[text] ?? [])));
}

const isHan = (char: string | undefined): boolean => char !== undefined && /\p{Script=Han}/u.test(char);
const isLatin = (char: string | undefined): boolean => char !== undefined && /[0-9A-Za-z]/.test(char);

/** Adds the spaces between Chinese and Latin letters or digits that meet where parts meet. */
function spacedParts(parts: readonly Part[]): readonly Part[] {
  return parts.flatMap((part, i) => {
    const [end, start] = [parts[i - 1]?.text.at(-1), part.text[0]];
    const meet = (isHan(end) && isLatin(start)) || (isLatin(end) && isHan(start));
    return meet ? [{ text: ' ' }, part] : [part];
  });
}

/** What is changed has words for what is not limited, too. */
interface Editing {
  /** The camera has zones to choose from. */
  readonly hasZones: boolean;
}

/** The rule in lines: what makes it run, and one for each action. */
export function ruleLines(rule: Rule, context: SentenceContext, editing?: Editing): readonly (readonly Part[])[] {
  const { t } = context;
  const trigger = rule.when ? triggerParts(rule.when, context, editing) : fill(t.whenRun, word('event', t.byHand));
  const last = rule.actions.length - 1;
  const templateOf = (i: number): string =>
    i === last ? (last === 0 ? t.last : t.lastOfMany) : i === last - 1 ? t.beforeLast : t.next;
  const actions = rule.actions.map((action, i) => fill(templateOf(i), { action: actionParts(action, i, context) }));
  return [trigger, ...actions].map(spacedParts);
}

/** The rule as one sentence. */
export const ruleText = (rule: Rule, context: SentenceContext): string =>
  ruleLines(rule, context)
    .map(textOf)
    .join(context.language.startsWith('zh') ? '' : ' ');

export const textOf = (parts: readonly Part[]): string => parts.map(({ text }) => text).join('');

const word = (name: string, text: string): Record<string, readonly Part[]> => ({ [name]: [{ word: name, text }] });

function triggerParts(when: Trigger, context: SentenceContext, editing: Editing | undefined): readonly Part[] {
  const { t, titleOf } = context;
  const anyZone = editing?.hasZones ? fill(t.inAnyZone, word('zone', t.anywhere)) : [];
  const time = timeText(when, context);
  return fill(t.when, {
    ...word('event', context.eventText(when.event)),
    ...word('camera', titleOf(when.path)),
    zone: when.zone === undefined ? anyZone : fill(t.inZone, word('zone', zoneText(when.zone, t))),
    time: time === '' && !editing ? [] : fill(t.atTime, word('time', time || t.anyTime)),
  });
}

/** `between 22:00 and 06:00 while the mode is Away or Night`; empty: always. */
function timeText({ hours, modes = [] }: Pick<Trigger, 'hours' | 'modes'>, context: SentenceContext): string {
  const { t, language } = context;
  const [from = '', to = ''] = hours?.split('-') ?? [];
  const names = modes.map((mode) => modeName(mode, t));
  const either = new Intl.ListFormat(language, { type: 'disjunction' }).format(names);
  const text = (template: string, places: Readonly<Record<string, string>>) =>
    textOf(spacedParts(fill(template, Object.fromEntries(Object.entries(places).map(([k, v]) => [k, [{ text: v }]])))));
  const shown = (time: string) => (time === '' ? '…' : clockOf(time, language));
  const texts = [
    hours ? text(t.between, { from: shown(from), to: shown(to) }) : '',
    modes.length > 0 ? text(t.inModes, { modes: either }) : '',
  ].filter(Boolean);
  return texts.join(language.startsWith('zh') ? '、' : ' ');
}

function actionParts(action: Action, i: number, context: SentenceContext): readonly Part[] {
  const { t, titleOf, outputText } = context;
  const { path = '', seconds = USUAL_SECONDS } = action;
  const at = (name: string, text: string) => ({ [name]: [{ word: `${i}.${name}`, text }] });
  const camera = at('camera', titleOf(path));
  const time = at('seconds', secondsText(seconds, context.language));
  switch (kindOf(action)) {
    case 'preset':
      return fill(t.turns, { ...camera, ...at('preset', action.preset || t.noName), ...time });
    case 'output':
      return fill(t.switches, {
        ...camera,
        ...at('output', outputText(path, action.output ?? '')),
        ...time,
      });
    case 'record':
      return fill(t.records, { ...camera, ...time });
    case 'url':
      return fill(t.calls, at('url', hostOf(action.url ?? '') || t.anAddress));
    case 'run':
      return fill(t.runs, at('command', action.run?.trim() || t.aCommand));
    default:
      return [{ text: t.doesOther }];
  }
}

/** Not the rest of an address, which may be secret and is long. */
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);

/** `Not again for 30 seconds.` */
export const pauseParts = ({ pause = '' }: Rule, { t, language }: SentenceContext): readonly Part[] =>
  spacedParts(fill(t.again, word('pause', secondsText(secondsOf(pause), language))));

export const nameParts = ({ name }: Rule, { t }: SentenceContext): readonly Part[] =>
  spacedParts(fill(t.called, word('name', name || t.noName)));

/** How long to wait, of two minutes and more in whole minutes. */
export const waitText = (seconds: number, language: string): string =>
  secondsText(seconds < 120 ? seconds : Math.ceil(seconds / 60) * 60, language);

/** `30 seconds`, `2 minutes`, `1 hour`. */
export function secondsText(seconds: number, language: string): string {
  const [count, unit] =
    seconds >= 3600 && seconds % 3600 === 0
      ? [seconds / 3600, 'hour']
      : seconds >= 120 && seconds % 60 === 0
        ? [seconds / 60, 'minute']
        : [seconds, 'second'];
  // The long Chinese one is rarely used in a sentence.
  const unitDisplay = language.startsWith('zh') ? 'short' : 'long';
  const options = { style: 'unit', unit: String(unit), unitDisplay } as const;
  return spaced(new Intl.NumberFormat(language, options).format(Number(count)));
}
