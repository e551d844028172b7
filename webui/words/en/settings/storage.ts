import { counter } from '../../grammar/plural.ts';

const many = counter('en');

/** Settings: length of the recordings, and the disks. */
export const storage = {
  storage: 'Storage',
  days: (count: number) => many(count, { one: 'One day', other: '# days' }),
  keptByAge: 'of recordings are kept, as set for the cameras. The disk has room for more.',
  howFarBack: "of recordings fit at today's rate. The oldest are deleted first; saved clips are kept.",
  usedOf: (used: string, total: string) => `${used} used of ${total}`,
  freeOf: (free: string, total: string) => `${free} free of ${total}`,
  aDay: (size: string) => `${size} per day`,
  wantedAndFit: (wanted: number, fit: string) =>
    many(wanted, { one: `Set to 1 day, room for ${fit} only`, other: `Set to # days, room for ${fit} only` }),
  disks: 'Disks',
  otherDisk: 'Record to another disk',
  otherDiskText:
    'Nothing on the new disk is deleted. Older recordings stay on the old disk until they expire, and play while it is plugged in. Move recordings takes them along.',

  nearlyFull: (days: number) =>
    many(days, {
      one: 'The oldest recordings will be deleted in one day. This is normal.',
      other: 'The oldest recordings will be deleted in # days. This is normal.',
    }),
  diskFull: 'The disk is full. Recording has stopped.',
  diskFullText: 'Live video continues.',
  makeRoom: 'Free up space',
  diskGone: 'The disk is missing. Recording has stopped.',
  diskGoneText: 'Plug it in. Recording resumes automatically.',
  diskFailing: 'The disk reports faults.',
  diskFailingText: 'Copy important recordings and replace it soon.',
  cardWorn: (percent: string) => `The SD card is ${percent} worn.`,
  diskWorn: (percent: string) => `The disk is ${percent} worn.`,
  diskWornText: 'Replace it before it is worn out.',
  cardWornText: 'Record to a USB disk, which lasts longer.',
  diskSlowing: 'The disk has become much slower.',
  diskSlowingText: 'Cards that age do so before they fail. Copy important recordings and replace it soon.',
  diskStuck: 'The disk does not respond. Recording waits.',
  diskStuckText: 'Check its cable. Live video continues.',
  diskReadOnly: 'The disk is read-only. Recording has stopped.',
  diskReadOnlyText: 'It is probably failing. Copy important recordings and replace it.',
  deletionsHeld: 'Recordings are not deleted by age right now.',
  heldByClock: 'The box does not know the time. The network provides it.',
  heldByDate: 'The date of the box has jumped. Network time or a day without a restart confirms it.',
  heldByProtection: 'The box cannot read the list of saved clips. See the log.',

  nothingYet: 'No recordings yet',
  nothingYetText: 'The length of your recordings appears here.',
  reachesNow: 'of recordings so far. How many days fit is known after ten minutes of recording.',
  byCamera: 'Cameras',
  wasRemoved: 'removed, recordings kept',
  healthy: 'healthy',
  failing: 'failing',
  worn: (percent: string) => `${percent} worn`,
  writtenDaily: (size: string) => `${size} written a day`,
  recordingHere: 'Recording',
  olderHere: (size: string, until: string) => `${size} of older recordings, the last from ${until}`,
  holdsAbout: (length: string) => `space for about ${length} of recordings`,
  recordsNow: 'Cameras record here.',
  removable: 'removable',
  inNetwork: 'network disk',
  notWritable: 'The box may not write there.',
  startsAnew: 'Perch restarts to record here. This takes a few seconds.',
  noOtherDisk: 'No other disk. Plug one in; it appears here automatically.',
  recordHere: 'Record here',
  recordsThere: 'Now recording to the other disk.',
  keepFree: 'Keep free on each disk',
  keepFreeText: 'The oldest recordings are deleted to keep this much free.',
  savedClips: 'Saved clips',
  clips: (count: number) => many(count, { one: 'One clip', other: '# clips' }),
  removedTitle: (camera: string) => `Recordings of ${camera}`,
  removedText: 'The camera has been removed. Its recordings are deleted when the space is needed.',
  removedKept: (length: string) =>
    `The camera has been removed. Its recordings are deleted after ${length}, or earlier when the space is needed.`,
  deleteAll: (size: string) => `Delete them now (${size})`,
  deleting: 'Deleting…',
  deleteSure: 'This cannot be undone.',
  deleted: (size: string) => `${size} deleted.`,
};

export type StorageWords = typeof storage;
