import type { AllWords } from './all-words.ts';

/** Words whose page does not say them yet. Who makes the page takes them out of its line. */
export const WAITING: { readonly [P in keyof AllWords]: readonly string[] } = {
  common: ['savedRestarts', 'cancel'],
  live: ['foundAgain', 'newAddress'],
  cinema: ['offlineLastAddress', 'restartCamera'],
  recordings: ['gapBoxOff', 'gapDiskFull', 'gapPaused', 'gapClockSet', 'deletedByAge'],
  clips: [],
  start: ['neverSetUp', 'toMakeOne', 'cameraClock', 'setItsClock'],
  cameras: [],
  storage: [],
  system: [],
  people: [],
  you: [],
};
