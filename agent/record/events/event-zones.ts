import { isZoneName } from '../../config/values/polygon.ts';
import type { CameraEvent, EventLabel } from './event.ts';

/** As many as a path may have. Names may change while an event lasts. */
const MAX_ZONES = 16;
/** Of one label: a point is seldom in more, and a line of the journal has eight labels. */
const MAX_OF_LABEL = 4;

/** The zones of a label, without invalid ones. @returns undefined if they are not known */
export const readLabelZones = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? (readZones(value)?.slice(0, MAX_OF_LABEL) ?? []) : undefined;

/** Labels with their zones. @param zonesAt undefined: the zones of the path are not known */
export const inZones = (
  labels: readonly EventLabel[],
  zonesAt: (x: number, y: number) => readonly string[] | undefined,
): readonly EventLabel[] =>
  labels.map((label) => {
    const zones = label.zones ?? readLabelZones(zonesAt(...footOf(label)));
    return zones ? { ...label, zones } : label;
  });

/** Whether it was in the zone as one of these types: itself, or an object of it. */
export const isInZone = (
  { type, zones, labels = [] }: Pick<CameraEvent, 'type' | 'zones' | 'labels'>,
  zone: string,
  types: readonly string[],
): boolean =>
  zones?.includes(zone) === true &&
  (types.includes(type) || labels.some((label) => types.includes(label.type) && mayBeIn(label, zone)));

/** Whether an object of an event in this zone is in it, as far as is known: its label may keep fewer zones than it is in. */
export const mayBeIn = ({ zones }: Pick<EventLabel, 'zones'>, zone: string): boolean =>
  zones === undefined || zones.includes(zone) || zones.length >= MAX_OF_LABEL;

/** The zones of a stored event, without invalid ones. @returns undefined if there are none */
export function readZones(value: unknown): readonly string[] | undefined {
  const isName = (one: unknown): one is string => typeof one === 'string' && isZoneName(one);
  return Array.isArray(value) ? joinedZones(value.slice(0, 4 * MAX_ZONES).filter(isName)) : undefined;
}

/** Each once, sorted. @returns undefined if there are none */
export function joinedZones(...lists: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  const all = [...new Set(lists.flatMap((list = []) => list))].slice(0, MAX_ZONES).sort();
  return all.length === 0 ? undefined : all;
}

/** The zones of labels: an object stands where its box ends below. */
export const zonesOfLabels = (
  labels: readonly EventLabel[] | undefined,
  zonesAt: (x: number, y: number) => readonly string[],
): readonly string[] => (labels ?? []).flatMap((label) => label.zones ?? zonesAt(...footOf(label)));

/** At y = 1 a point is outside every polygon. */
const footOf = ({ box }: EventLabel) => [box.x + box.width / 2, Math.min(box.y + box.height, 0.9999)] as const;
