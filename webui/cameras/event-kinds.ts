import type { EventKind } from '../api-client/api-types.ts';
import { liveWords } from '../words/words.ts';

interface KindOnPage {
  /** Draws a ring around the tile. Plain motion does not, because it is often a false alarm. */
  readonly isUrgent?: true;
  /** Rules of notifications offer it. */
  readonly isOffered?: true;
}

/** In the order of the rules of notifications. */
const KINDS: Readonly<Record<EventKind, KindOnPage>> = {
  person: { isUrgent: true, isOffered: true },
  face: { isUrgent: true },
  vehicle: { isUrgent: true, isOffered: true },
  animal: { isOffered: true },
  package: { isOffered: true },
  doorbell: { isUrgent: true, isOffered: true },
  motion: { isOffered: true },
  sound: { isOffered: true },
  tamper: { isOffered: true },
  input: { isOffered: true },
  other: {},
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
  return kind === undefined ? type : liveWords.value[kind];
}
