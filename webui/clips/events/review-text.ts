import type { ReviewCard } from '../../api-client/recordings/reviews.ts';
import { eventKindOf, eventLabel } from '../../cameras/event-kinds.ts';
import { listed } from '../../words/format.ts';
import { zoneLabel } from './event-labels.ts';

/** What names the kinds and cameras of a card. */
interface CardNames {
  readonly language: string;
  titleOf(path: string): string;
  at(kinds: string, cameras: string): string;
  also(one: string, other: string): string;
}

const isKind = (type: string) => type !== 'motion';

/** Motion is named only if nothing else is known. */
export function cardTypes({ cameras }: Pick<ReviewCard, 'cameras'>): readonly string[] {
  const types = [...new Set(cameras.flatMap((camera) => camera.types))];
  return types.some(isKind) ? types.filter(isKind) : types;
}

/** `Person at Door and Drive, motion at Yard` */
export function cardText(card: Pick<ReviewCard, 'cameras'>, { language, titleOf, at, also }: CardNames): string {
  const long = new Intl.ListFormat(language, { style: 'long' });
  const kindsOf = (camera: ReviewCard['cameras'][number]) => {
    const first = new Map(cardTypes({ cameras: [camera] }).map((type) => [eventLabel(type), type]));
    return [...first].sort(([, one], [, other]) => all.indexOf(one) - all.indexOf(other));
  };
  const all = cardTypes(card);
  const alike = new Map<string, ReviewCard['cameras'][number][]>();
  for (const camera of card.cameras) {
    const labels = kindsOf(camera)
      .map(([label]) => label)
      .join('\n');
    alike.set(labels, [...(alike.get(labels) ?? []), camera]);
  }
  const groups = [...alike.values()]
    // What is known comes before motion.
    .sort(([one], [other]) => Number(other?.types.some(isKind)) - Number(one?.types.some(isKind)));
  return groups
    .map((cameras, i) => {
      const labels = kindsOf(cameras[0] as ReviewCard['cameras'][number]).map(([label, type], k) =>
        (i > 0 || k > 0) && groups.length > 1 ? withinText(label, type, language) : label,
      );
      const names = cameras.map(({ path }) => isolated(titleOf(path)));
      return at(groups.length > 1 ? long.format(labels) : listed(labels, language), long.format(names));
    })
    .reduce(also);
}

/** In the middle of a text. Words of programs stay as they are. */
const withinText = (label: string, type: string, language: string): string =>
  eventKindOf(type) ? label.charAt(0).toLocaleLowerCase(language) + label.slice(1) : label;

/** Cameras with pictures; all of them if none has one, or if a card has no room for one of each. */
export function playedCameras<T extends { readonly path: string }>(
  cameras: readonly T[],
  pictures: readonly { readonly path: string }[],
): readonly T[] {
  const shown = new Set(pictures.map(({ path }) => path));
  return shown.size === 0 || shown.size >= 6 ? cameras : cameras.filter(({ path }) => shown.has(path));
}

interface AddedNames {
  readonly language: string;
  /** The list is filtered by this zone: it comes first. */
  readonly zone: string | undefined;
  inZones(names: string): string;
}

/** Zones, and what cameras and programs have added, such as a number plate: `Zone: Drive, Gate · B-PX 1` */
export function addedTexts({ events }: Pick<ReviewCard, 'events'>, { language, zone, inZones }: AddedNames): string {
  const zones = new Set(events.flatMap(({ zones: own = [] }) => own));
  const first = zone !== undefined && zones.has(zone) ? [zone] : [];
  const named = [...new Set([...first, ...zones])].slice(0, 4).map((name) => isolated(zoneLabel(name)));
  const texts = [...new Set(events.map(({ text }) => text))].filter((text) => text !== '').slice(0, 3);
  return [...(named.length > 0 ? [inZones(listed(named, language))] : []), ...texts.map(isolated)].join(' · ');
}

/** Names may be written from right to left. */
const isolated = (name: string): string => `\u2068${name}\u2069`;
