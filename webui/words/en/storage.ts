import { counter } from '../grammar/plural.ts';

const many = counter('en');

/** Settings: how far back, and the disks. */
export const storage = {
  storage: 'Storage',
  days: (count: number) => many(count, { one: 'One day', other: '# days' }),
  howFarBack: "is how far recordings reach at today's rate. The oldest goes first; protected clips stay.",
  usedOf: (used: string, total: string) => `${used} used of ${total}`,
  freeOf: (free: string, total: string) => `${free} free of ${total}`,
  aDay: (size: string) => `${size} a day`,
  wantedAndFit: (wanted: number, fit: number) =>
    many(wanted, { one: `1 day wanted, ${fit} fit`, other: `# days wanted, ${fit} fit` }),
  wantedAndLessFits: (wanted: number, fit: string) =>
    many(wanted, { one: `1 day wanted, ${fit} fit`, other: `# days wanted, ${fit} fit` }),
  disks: 'Disks',
  otherDisk: 'Record to another disk',
  otherDiskText:
    'Nothing on the new disk is deleted. Older recordings stay on the old one until they are too old, and can be seen while it is plugged in.',

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
  diskStuck: 'The disk does not answer. Recording waits.',
  diskStuckText: 'Look at its cable. Live pictures go on.',
  diskReadOnly: 'Nothing can be written to the disk. Recording has stopped.',
  diskReadOnlyText: 'Mostly it has faults. Copy what matters and replace it.',
  deletionsHeld: 'Nothing is deleted by its age now.',
  heldByClock: 'The box does not know what time it is. It learns that from the network.',
  heldByDate:
    'The date of the box has jumped, and nothing confirms it. Time from the network does, or a day without a restart.',
  heldByProtection: 'The box cannot read which clips are protected. Its log says why.',

  nothingYet: 'Nothing is recorded yet',
  nothingYetText: 'How far back recordings reach is shown here.',
  reachesNow: 'is how far recordings reach now. How many days will fit is known ten minutes after recording begins.',
  byCamera: 'Cameras',
  wasRemoved: 'removed, its recordings are there',
  healthy: 'healthy',
  failing: 'has faults',
  worn: (percent: string) => `${percent} worn`,
  recordingHere: 'Recording',
  olderHere: (size: string, until: string) => `${size} of older recordings are here, the last of ${until}.`,
  holdsAbout: (length: string) => `holds about ${length} of recordings`,
  recordsNow: 'Cameras record here now.',
  removable: 'can be unplugged',
  inNetwork: 'in the network',
  notWritable: 'The box may not write there.',
  startsAnew: 'Perch starts anew to record here: some seconds.',
  noOtherDisk: 'There is no other disk. Plug one in; it shows up here by itself.',
  recordHere: 'Record here',
  recordsThere: 'Recordings go to the other disk now.',
  keepFree: 'Keep free on each disk',
  keepFreeText: 'Before less than this is free the oldest recordings go.',
  protectedClips: 'Protected clips',
  clips: (count: number) => many(count, { one: 'One clip', other: '# clips' }),
  protectedText: 'They are not deleted when the disk gets full.',
  protectedFrom: (from: string, length: string) => `${from} · ${length}`,
  unprotect: 'Protect no more',
  unprotected: 'It may be deleted like all others now.',
  removedTitle: (camera: string) => `Recordings of ${camera}`,
  removedText: 'The camera is not there any more. Its recordings go when their room is needed.',
  removedKept: (length: string) =>
    `The camera is not there any more. Its recordings go after ${length}, or before when their room is needed.`,
  deleteAll: (size: string) => `Delete them now (${size})`,
  deleteSure: 'They cannot be had back.',
  deleted: (size: string) => `${size} deleted.`,
};

export type StorageWords = typeof storage;
