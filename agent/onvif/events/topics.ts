import type { Item, Notification } from './notifications.ts';

/** What Perch makes of the hundreds of topics that makers have. */
export type SightingType = 'motion' | 'person' | 'vehicle' | 'tamper' | 'input';

export interface Sighting {
  readonly type: SightingType;
  /** Undefined: a moment, of which no end is told. */
  readonly isOn: boolean | undefined;
}

interface Rule {
  /** Of the last elements of a topic's path, joined with `/`. */
  readonly ends: RegExp;
  readonly type: SightingType;
  /** What was seen may be told with it: then that counts. */
  readonly hasClass?: boolean;
}

/** In their order: the first that fits counts. Whole elements, in whatever case; what stands before them is the maker's own. */
const RULES: readonly Rule[] = [
  // Hikvision, Dahua, Hanwha, Uniview, Bosch, XM; old D-Link firmware spells VideoSoure, so that is not looked at.
  { ends: /(?:^|\/)motionalarm$/, type: 'motion' },
  // CellMotionDetector/Motion, MotionRegionDetector/Motion.
  { ends: /(?:^|\/)[^/]*motion[^/]*\/motion$/, type: 'motion' },
  // Axis: VMD/Camera1Profile1, and VMD4.
  { ends: /(?:^|\/)vmd\d*\/[^/]+$/, type: 'motion' },
  // Axis Object Analytics: scenarios for whatever the owner has set.
  { ends: /(?:^|\/)objectanalytics\/[^/]+$/, type: 'motion', hasClass: true },
  // Reolink: MyRuleDetector/PeopleDetect; Tapo: PeopleDetector/People.
  { ends: /(?:^|\/)(?:people|person|human|face|pedestrian)(?:detect(?:ion)?)?$/, type: 'person' },
  { ends: /(?:^|\/)(?:vehicle|car)(?:detect(?:ion)?)?$/, type: 'vehicle' },
  { ends: /(?:^|\/)(?:dogcat|pet|animal)(?:detect(?:ion)?)?$/, type: 'motion' },
  // Reolink doorbells: somebody has pressed the button.
  { ends: /(?:^|\/)visitor$/, type: 'input' },
  // Rules across a line or in a field are made for persons; some tell what it was.
  { ends: /(?:^|\/)(?:fielddetector\/objectsinside|linedetector\/crossed)$/, type: 'person', hasClass: true },
  { ends: /(?:^|\/)tamper$/, type: 'tamper' },
  { ends: /(?:^|\/)globalscenechange(?:\/[^/]+)?$/, type: 'tamper' },
  { ends: /(?:^|\/)digitalinput$/, type: 'input' },
];

/** TPSmartEvent and its kin: one topic, and the name of the item tells what was seen. */
const ITEM_TYPES: readonly (readonly [RegExp, SightingType])[] = [
  [/^is(?:people|person|human)$/i, 'person'],
  [/^isvehicle$/i, 'vehicle'],
  [/^is(?:pet|motion)$/i, 'motion'],
  [/^istamper$/i, 'tamper'],
];
const PERSON = /human|person|people|face|pedestrian/i;
const VEHICLE = /vehicle|car\b|truck|bus\b|bike|bicycle|motorcycle/i;
const CLASS_ITEM = /^(?:classtypes?|objecttypes?|class|type|likelihoodclass)$/i;

/** What a notification says of the things that Perch knows; nothing of all others. */
export function sightingsOf({ topic, data, operation }: Notification): Sighting[] {
  const path = topic.join('/').toLowerCase();
  const isGone = operation === 'deleted';
  const states = data.flatMap(({ name, value }) => {
    // The number of an object may be 1.
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
  // Whatever the item is called: one that says yes is enough.
  const isOn = isGone ? false : states.length === 0 ? undefined : states.some((state) => state.isOn);
  return [{ type: rule.hasClass ? (classOf(classes) ?? rule.type) : rule.type, isOn }];
}

/** Hanwha and Bosch list what is in the picture; an empty list is its end. */
function ofClasses(classes: readonly Item[], isGone: boolean): Sighting[] {
  const text = classes.map(({ value }) => value).join(' ');
  return classes.length === 0 && !isGone
    ? []
    : [
        { type: 'person', isOn: !isGone && PERSON.test(text) },
        { type: 'vehicle', isOn: !isGone && VEHICLE.test(text) },
      ];
}

function classOf(classes: readonly Item[]): SightingType | undefined {
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
