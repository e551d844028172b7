import type { Item, Notification } from './notifications.ts';

/** Event types that Perch knows, out of hundreds of vendor topics. */
export type DetectionType = 'motion' | 'person' | 'vehicle' | 'tamper' | 'input' | 'doorbell';

interface Detection {
  readonly type: DetectionType;
  /** Undefined: the event is momentary and has no end. */
  readonly isOn: boolean | undefined;
}

interface Rule {
  /** Matches the last elements of a topic's path, joined with `/`. */
  readonly ends: RegExp;
  readonly type: DetectionType;
  /** The data may name the object class, which then decides. */
  readonly hasClass?: boolean;
}

/** In order, first match wins. Whole elements in lower case; what precedes them is the vendor's. */
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
  { ends: /(?:^|\/)(?:dogcat|pet|animal)(?:detect(?:ion)?)?$/, type: 'motion' },
  // Reolink doorbells: MyRuleDetector/Visitor; Hikvision, Dahua and others: the button in various spellings.
  { ends: /(?:^|\/)(?:visitor|doorbell(?:press(?:ed)?|ring|button)?|ringbell|bellring)$/, type: 'doorbell' },
  // Line and field rules are meant for persons; some name the class.
  { ends: /(?:^|\/)(?:fielddetector\/objectsinside|linedetector\/crossed)$/, type: 'person', hasClass: true },
  { ends: /(?:^|\/)tamper$/, type: 'tamper' },
  { ends: /(?:^|\/)globalscenechange(?:\/[^/]+)?$/, type: 'tamper' },
  { ends: /(?:^|\/)digitalinput$/, type: 'input' },
];

/** TPSmartEvent and similar: one topic, the item's name is the class. */
const ITEM_TYPES: readonly (readonly [RegExp, DetectionType])[] = [
  [/^is(?:people|person|human)$/i, 'person'],
  [/^isvehicle$/i, 'vehicle'],
  [/^is(?:pet|motion)$/i, 'motion'],
  [/^istamper$/i, 'tamper'],
];
const PERSON = /human|person|people|face|pedestrian/i;
const VEHICLE = /vehicle|car\b|truck|bus\b|bike|bicycle|motorcycle/i;
const CLASS_ITEM = /^(?:classtypes?|objecttypes?|class|type|likelihoodclass)$/i;

export function detectionsOf({ topic, data, operation }: Notification): Detection[] {
  const path = topic.join('/').toLowerCase();
  const isGone = operation === 'deleted';
  const states = data.flatMap(({ name, value }) => {
    // An object's number may be 1.
    const isOn = /id$/i.test(name) ? undefined : readState(value);
    return isOn === undefined ? [] : [{ name, isOn: isOn && !isGone }];
  });
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
    return [];
  }
  // Any item that is true suffices, whatever its name.
  const isOn = isGone ? false : states.length === 0 ? undefined : states.some((state) => state.isOn);
  return [{ type: rule.hasClass ? (classOf(classes) ?? rule.type) : rule.type, isOn }];
}

/** Hanwha and Bosch list the classes in view; an empty list ends all. */
function ofClasses(classes: readonly Item[], isGone: boolean): Detection[] {
  const text = classes.map(({ value }) => value).join(' ');
  return classes.length === 0 && !isGone
    ? []
    : [
        { type: 'person', isOn: !isGone && PERSON.test(text) },
        { type: 'vehicle', isOn: !isGone && VEHICLE.test(text) },
      ];
}

function classOf(classes: readonly Item[]): DetectionType | undefined {
  const text = classes.map(({ value }) => value).join(' ');
  return PERSON.test(text) ? 'person' : VEHICLE.test(text) ? 'vehicle' : undefined;
}

function readState(value: string): boolean | undefined {
  const word = value.toLowerCase();
  return ['true', '1', 'on', 'active'].includes(word)
    ? true
    : ['false', '0', 'off', 'inactive'].includes(word)
      ? false
      : undefined;
}
