import { counter } from '../plural.ts';

const many = counter('en');

/** Settings: how far back, and the disks. */
export const storage = {
  storage: 'Storage',
  days: (count: number) => many(count, { one: 'One day', other: '# days' }),
  howFarBack: "is how far recordings reach at today's rate. The oldest goes first; protected clips stay.",
  usedOf: (used: string, total: string) => `${used} used of ${total}`,
  freeOf: (free: string, total: string) => `${free} free of ${total}`,
  roomLeft: (percent: string) => `${percent} free`,
  aDay: (size: string) => `${size} a day`,
  wantedAndFit: (wanted: number, fit: number) =>
    many(wanted, { one: `1 day wanted, ${fit} fit`, other: `# days wanted, ${fit} fit` }),
  disks: 'Disks',
  otherDisk: 'Record to another disk',
  otherDiskText:
    'Nothing on the new disk is deleted. Older recordings stay on the old one and can be seen while it is plugged in.',

  nearlyFull: (days: number) =>
    many(days, {
      one: 'In one day the oldest recordings go. That is normal.',
      other: 'In # days the oldest recordings go. That is normal.',
    }),
  diskFull: 'The disk is full. Recording has stopped.',
  diskFullText: 'Live pictures go on.',
  makeRoom: 'Make room',
  diskGone: 'The disk is not there. Recording has stopped.',
  diskGoneText: 'Plug it in; recording goes on by itself.',
  diskFailing: 'The disk reports faults.',
  diskFailingText: 'Copy what matters and replace it soon.',
  cardWorn: (percent: string) => `The SD card is ${percent} worn.`,
  cardWornText: 'Record to a USB disk; it lasts longer.',
};

export type StorageWords = typeof storage;
