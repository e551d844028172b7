export interface KindRow {
  /** What other programs call it, in lower case. */
  readonly otherNames?: readonly string[];
  /** In notifications. */
  readonly label: { readonly en: string; readonly 'zh-cn': string };
  /** Short code of the emoji that ntfy shows before the title. */
  readonly emoji?: string;
  /** ntfy sends it with high priority. */
  readonly isUrgent?: true;
  /** Cameras leave it on for hours without further notifications. */
  readonly isLasting?: true;
  /** Its name in the topic of an ONVIF camera, in lower-case words. */
  readonly subject?: RegExp;
  /** Its object classes in the data of an ONVIF camera. */
  readonly objectClass?: RegExp;
  /** Home Assistant's binary sensors that it switches on, by the last element of their MQTT topic. */
  readonly sensors?: Readonly<
    Record<string, { readonly name: string; readonly device_class: string; readonly icon?: string }>
  >;
  /** Topics by which Perch reports it to recorders. */
  readonly onvif?: readonly OnvifTopic[];
}

/** A property topic of ONVIF, or one that is common among recorders and cameras. */
export interface OnvifTopic {
  /** Below tns1. */
  readonly path: string;
  /** Name of the analytics rule; absent: the source is the video source. */
  readonly rule?: string;
  /** Name of the boolean data item. */
  readonly state: string;
}

const MOTION = {
  sensors: { motion: { name: 'Motion', device_class: 'motion' } },
  onvif: [
    { path: 'RuleEngine/CellMotionDetector/Motion', rule: 'Motion', state: 'IsMotion' },
    { path: 'VideoSource/MotionAlarm', state: 'State' },
  ],
};

/** Recorders know motion and tampering by standard topics, and persons, vehicles, animals and the doorbell by Reolink's. */
const ROWS = {
  motion: { label: { en: 'Motion', 'zh-cn': '移动侦测' }, ...MOTION },
  person: {
    label: { en: 'Person', 'zh-cn': '有人' },
    emoji: 'bust_in_silhouette',
    subject: /\b(?:human|person|people|pedestrian|face|body|bodies)/,
    objectClass: /human|person|people|face|pedestrian/i,
    sensors: { person: { name: 'Person', device_class: 'occupancy', icon: 'mdi:account' } },
    onvif: [{ path: 'RuleEngine/MyRuleDetector/PeopleDetect', rule: 'People', state: 'State' }],
  },
  face: { label: { en: 'Face', 'zh-cn': '人脸' }, emoji: 'bust_in_silhouette' },
  vehicle: {
    otherNames: ['car'],
    label: { en: 'Vehicle', 'zh-cn': '有车' },
    emoji: 'car',
    subject: /\b(?:vehicle|cars?\b|truck|bus\b|bike|bicycle|motor ?cycle|plates?\b|anpr|a?lpr|traffic|parking)/,
    objectClass: /vehicle|car\b|truck|bus\b|bike|bicycle|motorcycle/i,
    sensors: { vehicle: { name: 'Vehicle', device_class: 'occupancy', icon: 'mdi:car' } },
    onvif: [{ path: 'RuleEngine/MyRuleDetector/VehicleDetect', rule: 'Vehicle', state: 'State' }],
  },
  animal: {
    otherNames: ['pet'],
    label: { en: 'Animal', 'zh-cn': '动物' },
    emoji: 'paw_prints',
    subject: /\b(?:animal|pets?\b|dog|cats?\b)/,
    sensors: { ...MOTION.sensors, animal: { name: 'Animal', device_class: 'occupancy', icon: 'mdi:paw' } },
    onvif: [...MOTION.onvif, { path: 'RuleEngine/MyRuleDetector/DogCatDetect', rule: 'Pet', state: 'State' }],
  },
  doorbell: {
    otherNames: ['visitor'],
    label: { en: 'Doorbell', 'zh-cn': '门铃' },
    emoji: 'bell',
    isUrgent: true,
    subject: /\b(?:door ?bell|visitor|ring ?bell|bell ?ring)/,
    onvif: [{ path: 'RuleEngine/MyRuleDetector/Visitor', rule: 'Visitor', state: 'State' }],
  },
  package: { label: { en: 'Package', 'zh-cn': '包裹' }, emoji: 'package', subject: /\b(?:package|parcel)/ },
  sound: { label: { en: 'Sound', 'zh-cn': '声音' }, emoji: 'loud_sound' },
  tamper: {
    otherNames: ['tampering'],
    label: { en: 'Camera covered or moved', 'zh-cn': '摄像头被遮挡或移动' },
    emoji: 'warning',
    isUrgent: true,
    isLasting: true,
    sensors: { tampering: { name: 'Tampering', device_class: 'tamper' } },
    onvif: [{ path: 'RuleEngine/TamperDetector/Tamper', rule: 'Tamper', state: 'IsTamper' }],
  },
  input: {
    otherNames: ['contact'],
    label: { en: 'Camera input', 'zh-cn': '报警输入' },
    isLasting: true,
    sensors: { contact: { name: 'Contact', device_class: 'opening' } },
  },
  /** A state of a camera whose topic has no known word. */
  other: { label: { en: 'Other event', 'zh-cn': '其他事件' } },
} satisfies Readonly<Record<string, KindRow>>;

/** What cameras and programs report. A kind is a row here and one in `webui/cameras/event-kinds.ts`. */
export type EventKind = keyof typeof ROWS;
export const EVENT_KINDS: Readonly<Record<EventKind, KindRow>> = ROWS;

export const eventKinds = Object.entries(EVENT_KINDS) as readonly (readonly [EventKind, KindRow])[];

const byName = new Map(
  eventKinds.flatMap(([kind, { otherNames = [] }]) =>
    [kind.toLowerCase(), ...otherNames].map((name) => [name, kind] as const),
  ),
);

/** The kind of an event's type. Undefined: another program has its own word. */
export const eventKindOf = (type: string): EventKind | undefined => byName.get(type.toLowerCase());

/** Kinds that the labels of an event may name. */
export const LABEL_TYPES = ['person', 'vehicle', 'animal'] as const satisfies readonly EventKind[];
export type LabelType = (typeof LABEL_TYPES)[number];

/** The kind of an event, if it is known, and those of its labels. */
export function eventKindsOf({ type, labels = [] }: LabelledType): readonly EventKind[] {
  return [...new Set([eventKindOf(type) ?? [], labels.map((label) => label.type)].flat())];
}

interface LabelledType {
  readonly type: string;
  readonly labels?: readonly { readonly type: LabelType }[] | undefined;
}

/** Why a path was not recorded. */
export const GAP_REASONS = [
  'offline',
  'paused',
  'private',
  'recordingOff',
  'diskFull',
  'diskAway',
  'diskFault',
  'boxOff',
  'clockSet',
  /** `record: motion` without an event. */
  'nothingSeen',
] as const;
export type GapReason = (typeof GAP_REASONS)[number];
