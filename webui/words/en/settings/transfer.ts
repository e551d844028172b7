import { counter } from '../../grammar/plural.ts';

const many = counter('en');
const files = (count: number) => many(count, { one: 'one recording', other: '# recordings' });

/** Settings, Storage: recordings to another disk. */
export const transfer = {
  move: 'Move recordings to another disk',
  moveRow: 'New recordings go there at once, the others follow. Recording continues.',
  moveText:
    'New recordings go to the other disk at once, and the others follow, the newest first. Each is copied and compared before the old file is deleted. They can be watched all the time.',
  where: 'Where to',
  otherFolder: 'Another folder',
  otherFolderText: 'Choose any folder of the box.',
  changeFolder: 'Choose another folder',
  chooseFolder: 'Use this folder',
  folderAbove: 'Folder above',
  noFolders: 'No folders here.',
  moreFolders: 'There are more folders than shown.',
  counting: 'Counting the recordings…',
  nothingToMove: 'All recordings are there already. New ones will go there, too.',
  toCopy: (size: string, count: number, free: string) =>
    `${size} in ${files(count)} will be copied; ${free} are free there.`,
  doesNotFit: (size: string) =>
    `Room for ${size} is missing. The newest recordings go first; the others wait on the old disk until there is room.`,
  start: 'Move recordings',
  starting: 'Starting…',

  progress: 'Progress',
  preparing: 'Counting the recordings…',
  isRunning: 'Recordings are being moved.',
  isImporting: 'Recordings of another program are being imported.',
  isImported: 'The recordings have been imported.',
  isWaiting: 'It waits, and continues by itself.',
  isPaused: 'Paused.',
  isDone: 'All recordings have been moved.',
  hasFailed: 'It has failed. See the log.',
  isCanceled: 'Canceled. What was copied stays.',
  doneOf: (done: string, total: string, count: number, all: number) =>
    `${done} of ${total} · ${count} of ${files(all)}`,
  perSecond: (size: string) => `${size} per second`,
  remaining: (time: string) => `about ${time} left`,
  pause: 'Pause',
  resume: 'Continue',
  cancel: 'Cancel',
  cancelSure: 'Cancel moving',
  cancelText: 'What was moved stays on the new disk, the rest on the old one. Everything can be watched.',
  whyFull: 'The disk is full. Make room there, or cancel.',
  whyAway: 'A disk is missing. Plug it in.',
  whyReadOnly: 'A disk is read-only. It is probably failing.',
  whyOther: (text: string) => `It cannot continue: ${text}`,
  leftOut: (count: number) => many(count, { one: 'One file stays where it is', other: '# files stay where they are' }),
  leftDamaged: 'cannot be read',
  leftUnfinished: 'is not finished',
  leftTaken: 'another recording there has its name',
  leftBusy: 'changed while it was copied',
};

export type TransferWords = typeof transfer;
