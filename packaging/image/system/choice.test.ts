import { expect, test } from 'vitest';
import { parseChoice, SECTOR_BYTES, writeChoice } from './choice.ts';

test.for([{ system: 'a' }, { system: 'b' }, { system: 'a', trial: 'b' }, { system: 'b', trial: 'a' }] as const)(
  'a sector has the choice %o',
  (choice) => {
    const sector = writeChoice(choice);
    expect(sector.length).toBe(SECTOR_BYTES);
    expect(parseChoice(sector)).toEqual(choice);
  },
);

test.for(['', '\xff'.repeat(512), 'system=c\ntrial=d\n', 'trial\nsystem', '\0system=b\n', 'Xsystem=b\n'])(
  'anything else means the first system: %j',
  (text) => {
    expect(parseChoice(Buffer.from(text, 'latin1'))).toEqual({ system: 'a' });
  },
);
