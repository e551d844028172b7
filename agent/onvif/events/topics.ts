import { type EventKind, eventKinds } from '../../base/event-kinds.ts';
import type { Item, Notification } from './notifications.ts';
import { isOwnState, typeByWords } from './topic-words.ts';

interface Detection {
  readonly type: EventKind;
  /** Undefined: the event is momentary and has no end. */
  readonly isOn: boolean | undefined;
}

interface Rule {
  /** Matches the last elements of a topic's path, joined with `/`. */
  readonly ends: RegExp;
  readonly type: EventKind;
  /** The data may name the object class, which then decides. */
  readonly hasClass?: boolean;
}

/** Topics with a known meaning; the words of others decide. In order, first match wins. Whole elements in lower case; what precedes them is the vendor's. */
const RULES: readonly Rule[] = [
  // Hikvision, Dahua, Hanwha, Uniview, Bosch, XM; old D-Link firmware spells VideoSoure, so that is not looked at.
  { ends: /(?:^|\/)motionalarm$/, type: 'motion' },
  // CellMotionDetector/Motion, MotionRegionDetector/Motion.
  { ends: /(?:^|\/)[^/]*motion[^/]*\/motion$/, type: 'motion' },
  // Axis: VMD/Camera1Profile1, and VMD4.
  { ends: /(?:^|\/)vmd\d*\/[^/]+$/, type: 'motion' },
  // Axis Object Analytics: scenarios that the owner defines.
  { ends: /(?:^|\/)objectanalytics\/[^/]+$/, type: 'motion', hasClass: true },
  // Reolink: MyRuleDetector/PeopleDetect; Tapo: PeopleDetector/People.
  { ends: /(?:^|\/)(?:people|person|human|face|pedestrian)(?:detect(?:ion)?)?$/, type: 'person' },
  { ends: /(?:^|\/)(?:vehicle|car)(?:detect(?:ion)?)?$/, type: 'vehicle' },
  { ends: /(?:^|\/)(?:dogcat|pet|animal)(?:detect(?:ion)?)?$/, type: 'animal' },
  // Reolink doorbells: MyRuleDetector/Visitor; Hikvision, Dahua and others: the button in various spellings.
  { ends: /(?:^|\/)(?:visitor|doorbell(?:press(?:ed)?|ring|button)?|ringbell|bellring)$/, type: 'doorbell' },
  // Line and field rules are meant for persons; some name the class.
  { ends: /(?:^|\/)(?:fielddetector\/objectsinside|linedetector\/crossed)$/, type: 'person', hasClass: true },
  { ends: /(?:^|\/)tamper$/, type: 'tamper' },
  { ends: /(?:^|\/)globalscenechange(?:\/[^/]+)?$/, type: 'tamper' },
  { ends: /(?:^|\/)digitalinput$/, type: 'input' },
];

/** TPSmartEvent and similar: one topic, the item's name is the class. */
const ITEM_TYPES: readonly (readonly [RegExp, EventKind])[] = [
  [/^is(?:people|person|human)$/i, 'person'],
  [/^isvehicle$/i, 'vehicle'],
  [/^ispet$/i, 'animal'],
  [/^ismotion$/i, 'motion'],
  [/^istamper$/i, 'tamper'],
];
const CLASSES = eventKinds.flatMap(([type, { objectClass }]) => (objectClass ? [{ type, words: objectClass }] : []));
const CLASS_ITEM = /^(?:classtypes?|objecttypes?|class|type|likelihoodclass)$/i;

/** A number may be 1 or 0. */
const NUMBER_ITEM = /(?:id|index|number|num|count|level|value|usage|percent|channel|time)$/i;

interface State {
  readonly name: string;
  readonly isOn: boolean;
}

interface Reading {
  readonly detections: readonly Detection[];
  /** No rule names the topic; its words decided. Undefined also for states of the camera itself. */
  readonly unknown?: boolean;
}

export function detectionsOf(notification: Notification): Reading {
  const { topic, data, operation } = notification;
  const isGone = operation === 'deleted';
  const states = data.flatMap(({ name, value }) => {
    const isOn = readState(value);
    const isNumber = /id$/i.test(name) || (NUMBER_ITEM.test(name) && /^[01]$/.test(value.trim()));
    return isOn === undefined || isNumber ? [] : [{ name, isOn: isOn && !isGone }];
  });
  const detections = byRules(notification, states);
  return detections
    ? { detections }
    : isOwnState(topic)
      ? { detections: [] }
      : { detections: byWords(notification, states), unknown: true };
}

/** Undefined: no rule names the topic. */
function byRules({ topic, data, operation }: Notification, states: readonly State[]): Detection[] | undefined {
  const path = topic.join('/').toLowerCase();
  const isGone = operation === 'deleted';
  if (/(?:^|\/)tpsmartevent$/.test(path)) {
    return states.flatMap(({ name, isOn }) => {
      const type = ITEM_TYPES.find(([pattern]) => pattern.test(name))?.[1];
      return type === undefined ? [] : [{ type, isOn }];
    });
  }
  const classes = data.filter(({ name }) => CLASS_ITEM.test(name));
  if (/(?:^|\/)objectdetection(?:\/[^/]+)?$/.test(path)) {
    return ofClasses(classes, isGone);
  }
  const rule = RULES.find(({ ends }) => ends.test(path));
  if (!rule) {
    return undefined;
  }
  // Any item that is true suffices, whatever its name.
  const isOn = isGone ? false : states.length === 0 ? undefined : states.some((state) => state.isOn);
  return [{ type: rule.hasClass ? (classOf(classes) ?? rule.type) : rule.type, isOn }];
}

function byWords({ topic, data, operation }: Notification, states: readonly State[]): Detection[] {
  const seen = classOf(data.filter(({ name }) => CLASS_ITEM.test(name)));
  if (states.length === 0) {
    const type = seen ?? typeByWords(topic);
    return type === undefined ? [] : [{ type, isOn: operation === 'deleted' ? false : undefined }];
  }
  const isOn = new Map<EventKind, boolean>();
  for (const state of states) {
    const type = seen ?? typeByWords(topic, state.name) ?? 'other';
    isOn.set(type, state.isOn || isOn.get(type) === true);
  }
  return [...isOn].map(([type, on]) => ({ type, isOn: on }));
}

/** Hanwha and Bosch list the classes in view; an empty list ends all. */
function ofClasses(classes: readonly Item[], isGone: boolean): Detection[] {
  const text = classes.map(({ value }) => value).join(' ');
  return classes.length === 0 && !isGone
    ? []
    : CLASSES.map(({ type, words }) => ({ type, isOn: !isGone && words.test(text) }));
}

function classOf(classes: readonly Item[]): EventKind | undefined {
  const text = classes.map(({ value }) => value).join(' ');
  return CLASSES.find(({ words }) => words.test(text))?.type;
}

/** Undefined: the value is no state. */
export function readState(value: string): boolean | undefined {
  const word = value.trim().toLowerCase();
  return ['true', '1', 'on', 'active', 'yes', 'start'].includes(word)
    ? true
    : ['false', '0', 'off', 'inactive', 'no', 'stop'].includes(word)
      ? false
      : undefined;
}
