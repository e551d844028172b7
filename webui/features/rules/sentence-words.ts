import type { RulesWords } from './words/en.ts';

export const MODES = ['home', 'away', 'night'] as const;
export type Mode = (typeof MODES)[number];

export const modeName = (mode: Mode, t: RulesWords): string => ({ home: t.home, away: t.away, night: t.night })[mode];

/** A zone without a name is called by its place. */
export function zoneText(zone: string, t: RulesWords): string {
  const [, number] = /^Zone (\d+)$/.exec(zone) ?? [];
  return number === undefined ? zone : t.zoneNumber(number);
}
