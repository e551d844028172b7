import type { EventKind } from '../api-client/api-types.ts';
import { type Language, language } from '../words/words.ts';

interface KindOnPage {
  readonly text: Readonly<Record<Language, string>>;
  /** A tile shows this instead: it has little room. */
  readonly shortText?: Readonly<Record<Language, string>>;
  /** Draws a ring around the tile. Plain motion does not, because it is often a false alarm. */
  readonly isUrgent?: true;
  /** Rules of notifications offer it. */
  readonly isOffered?: true;
}

/** In the order of the rules of notifications. */
const KINDS: Readonly<Record<EventKind, KindOnPage>> = {
  person: { text: { en: 'Person', 'zh-CN': '有人' }, isUrgent: true, isOffered: true },
  face: { text: { en: 'Face', 'zh-CN': '人脸' }, isUrgent: true },
  vehicle: { text: { en: 'Vehicle', 'zh-CN': '有车' }, isUrgent: true, isOffered: true },
  animal: { text: { en: 'Animal', 'zh-CN': '动物' }, isOffered: true },
  package: { text: { en: 'Package', 'zh-CN': '包裹' }, isOffered: true },
  doorbell: { text: { en: 'Doorbell', 'zh-CN': '门铃' }, isUrgent: true, isOffered: true },
  motion: { text: { en: 'Motion', 'zh-CN': '移动侦测' }, isOffered: true },
  sound: { text: { en: 'Sound', 'zh-CN': '声音' }, isOffered: true },
  tamper: {
    text: { en: 'Camera covered or moved', 'zh-CN': '摄像头被遮挡或移动' },
    shortText: { en: 'Covered or moved', 'zh-CN': '被遮挡或移动' },
    isOffered: true,
  },
  input: { text: { en: 'Camera input', 'zh-CN': '报警输入' }, isOffered: true },
  other: { text: { en: 'Other event of the camera', 'zh-CN': '摄像头的其他事件' } },
};

const kinds = Object.keys(KINDS) as EventKind[];
export const OFFERED_KINDS = kinds.filter((kind) => KINDS[kind].isOffered);

/** What other programs call them, as in the table of the box. */
const OTHER_NAMES = {
  car: 'vehicle',
  pet: 'animal',
  visitor: 'doorbell',
  tampering: 'tamper',
  contact: 'input',
} as const;

const byName = new Map<string, EventKind>([
  ...kinds.map((kind) => [kind.toLowerCase(), kind] as const),
  ...Object.entries(OTHER_NAMES),
]);

/** The kind of an event's type. Undefined: another program has its own word. */
export const eventKindOf = (type: string): EventKind | undefined => byName.get(type.toLowerCase());

export function isUrgent(type: string): boolean {
  const kind = eventKindOf(type);
  return kind !== undefined && KINDS[kind].isUrgent === true;
}

/** Label of a type; unknown types are shown as they are. */
export function eventLabel(type: string): string {
  const kind = eventKindOf(type);
  return kind === undefined ? type : KINDS[kind].text[language.value];
}

/** The same, for a tile. */
export function shortEventLabel(type: string): string {
  const kind = eventKindOf(type);
  return (kind && KINDS[kind].shortText?.[language.value]) ?? eventLabel(type);
}
