import type { EventKind } from '../api-client/api-types.ts';
import type { IconName } from '../ui/icons/icon.tsx';
import { type Language, language } from '../words/words.ts';

type Text = Readonly<Record<Language, string>>;

interface KindOnPage {
  readonly text: Text;
  /** What clause, in the sentence of an automation. */
  readonly clause: Text;
  readonly icon?: IconName;
  /** Something is recognised: the timeline tells it from plain motion. */
  readonly isObject?: true;
  /** A tile shows this instead: it has little room. */
  readonly shortText?: Text;
  /** Draws a ring around the tile. Plain motion does not, because it is often a false alarm. */
  readonly isUrgent?: true;
  /** Rules of notifications offer it. */
  readonly isOffered?: true;
}

/** In the order of the rules of notifications and of automations. */
const KINDS: Readonly<Record<EventKind, KindOnPage>> = {
  person: {
    text: { en: 'Person', 'zh-CN': '有人' },
    clause: { en: 'a person is seen', 'zh-CN': '有人出现' },
    icon: 'person',
    isObject: true,
    isUrgent: true,
    isOffered: true,
  },
  vehicle: {
    text: { en: 'Vehicle', 'zh-CN': '有车' },
    clause: { en: 'a vehicle is seen', 'zh-CN': '有车出现' },
    icon: 'vehicle',
    isObject: true,
    isUrgent: true,
    isOffered: true,
  },
  animal: {
    text: { en: 'Animal', 'zh-CN': '动物' },
    clause: { en: 'an animal is seen', 'zh-CN': '有动物出现' },
    icon: 'animal',
    isObject: true,
    isOffered: true,
  },
  package: {
    text: { en: 'Package', 'zh-CN': '包裹' },
    clause: { en: 'a package is seen', 'zh-CN': '有包裹出现' },
    isOffered: true,
  },
  doorbell: {
    text: { en: 'Doorbell', 'zh-CN': '门铃' },
    clause: { en: 'someone rings', 'zh-CN': '有人按门铃' },
    icon: 'bell',
    isUrgent: true,
    isOffered: true,
  },
  motion: {
    text: { en: 'Motion', 'zh-CN': '移动侦测' },
    clause: { en: 'something moves', 'zh-CN': '检测到移动' },
    isOffered: true,
  },
  sound: {
    text: { en: 'Sound', 'zh-CN': '声音' },
    clause: { en: 'a sound is heard', 'zh-CN': '检测到声音' },
    isOffered: true,
  },
  face: {
    text: { en: 'Face', 'zh-CN': '人脸' },
    clause: { en: 'a face is seen', 'zh-CN': '检测到人脸' },
    icon: 'person',
    isObject: true,
    isUrgent: true,
  },
  tamper: {
    text: { en: 'Camera covered or moved', 'zh-CN': '摄像头被遮挡或移动' },
    shortText: { en: 'Covered or moved', 'zh-CN': '被遮挡或移动' },
    clause: { en: 'the view is covered or moved', 'zh-CN': '画面被遮挡或移动' },
    isOffered: true,
  },
  input: {
    text: { en: 'Camera input', 'zh-CN': '报警输入' },
    clause: { en: 'the alarm input switches on', 'zh-CN': '报警输入触发' },
    isOffered: true,
  },
  other: {
    text: { en: 'Other event of the camera', 'zh-CN': '摄像头的其他事件' },
    clause: { en: 'another event is reported', 'zh-CN': '报告其他事件' },
  },
};

export const EVENT_KINDS = Object.keys(KINDS) as readonly EventKind[];
export const OFFERED_KINDS = EVENT_KINDS.filter((kind) => KINDS[kind].isOffered);

/** What other programs call them, as in the table of the box. */
const OTHER_NAMES = {
  car: 'vehicle',
  pet: 'animal',
  visitor: 'doorbell',
  tampering: 'tamper',
  contact: 'input',
} as const;

const byName = new Map<string, EventKind>([
  ...EVENT_KINDS.map((kind) => [kind.toLowerCase(), kind] as const),
  ...Object.entries(OTHER_NAMES),
]);

/** The kind of an event's type. Undefined: another program has its own word. */
export const eventKindOf = (type: string): EventKind | undefined => byName.get(type.toLowerCase());

const kindOf = (type: string): KindOnPage | undefined => KINDS[eventKindOf(type) as EventKind];

export const isUrgent = (type: string): boolean => !!kindOf(type)?.isUrgent;

export const isObject = (type: string): boolean => !!kindOf(type)?.isObject;

export const eventIcon = (type: string): IconName | undefined => kindOf(type)?.icon;

/** What clause, in the sentence of an automation; unknown types are in it as they are. */
export const eventClause = (type: string, spoken = language.value): string => kindOf(type)?.clause[spoken] ?? type;

/** Label of a type; unknown types are shown as they are. */
export const eventLabel = (type: string): string => kindOf(type)?.text[language.value] ?? type;

/** The same, for a tile. */
export const shortEventLabel = (type: string): string => kindOf(type)?.shortText?.[language.value] ?? eventLabel(type);
