import type { System } from '../../../system/update/second-system.ts';

/* The choice of the system, which U-Boot reads (boot.cmd). */

export interface Choice {
  /** The system that is known to work. */
  readonly system: System;
  /** The system that the next start tries once instead. */
  readonly trial?: System;
}

export const SECTOR_BYTES = 512;
/** Before the first partition: one sector, which a card writes whole or not at all. */
export const CHOICE = { sector: 2_048, text: 'system=a\n' } as const;

export const otherThan = (system: System): System => (system === 'a' ? 'b' : 'a');

/** Reads the choice as U-Boot understands it: anything else means the first system. */
export function parseChoice(sector: Uint8Array): Choice {
  const [text = ''] = Buffer.from(sector).toString('latin1').split('\0');
  const values = new Map(text.split('\n').map((line) => line.split('=', 2) as [string, string]));
  const trial = values.get('trial');
  return {
    system: values.get('system') === 'b' ? 'b' : 'a',
    ...((trial === 'a' || trial === 'b') && { trial }),
  };
}

/** @returns a whole sector */
export function writeChoice({ system, trial }: Choice): Uint8Array {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.write(`system=${system}\n${trial === undefined ? '' : `trial=${trial}\n`}`);
  return sector;
}
