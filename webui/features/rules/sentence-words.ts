import type { EventKind } from '../../api-client/api-types.ts';
import type { RulesWords } from './words/en.ts';

export const MODES = ['home', 'away', 'night'] as const;
export type Mode = (typeof MODES)[number];

export const modeName = (mode: Mode, t: RulesWords): string => ({ home: t.home, away: t.away, night: t.night })[mode];

/** A zone without a name is called by its place. */
export function zoneText(zone: string, t: RulesWords): string {
  const [, number] = /^Zone (\d+)$/.exec(zone) ?? [];
  return number === undefined ? zone : t.zoneNumber(number);
}

/** In the order of the choice. */
export const eventTexts = (t: RulesWords): Readonly<Record<EventKind, string>> => ({
  person: t.person,
  vehicle: t.vehicle,
  animal: t.animal,
  package: t.package,
  doorbell: t.doorbell,
  motion: t.motion,
  sound: t.heard,
  face: t.face,
  tamper: t.tamper,
  input: t.input,
  other: t.other,
});
