import { counter } from '../../grammar/plural.ts';

const countText = counter('en');
const files = (count: number) => countText(count, { one: 'one recording', other: '# recordings' });

/** Settings, Storage: recordings that come from other disks, programs and boxes. */
export const copying = {
  move: 'Move recordings to another disk',
  counting: 'Counting the recordings…',
  toCopy: (size: string, count: number, free: string) =>
    `${size} in ${files(count)} will be copied; ${free} are free there.`,
  starting: 'Starting…',

  progress: 'Progress',
  preparing: 'Counting the recordings…',
  isRunning: 'Recordings are being moved.',
  isImporting: 'Recordings of another program are being imported.',
  isImported: 'The import is complete.',
  isWaiting: 'Waiting. It continues by itself.',
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
  leftOut: (count: number) =>
    countText(count, { one: 'One file stays where it is', other: '# files stay where they are' }),
  leftNoTime: 'has no date and time in its name',
  leftOtherCamera: 'is of another camera',
  leftFuture: 'has a time in the future',
  leftOld: 'is older than the camera keeps recordings',
  leftBusy: 'changed within the last minute: it may still be written',
  leftUnreadable: 'cannot be read',
  leftDamaged: 'is damaged or empty',
  leftForeign: 'is neither an MP4 nor an MPEG-TS file',
  leftUnfinished: 'is not finished',
  leftOverlap: 'overlaps recordings that the camera has',
  leftTooLarge: 'has groups of pictures above 32 MB',
  leftClockSet: 'the clock of the recorder was set there',
  leftTaken: 'another recording there has its name',
  moreFiles: (count: number) => countText(count, { one: 'and one more', other: 'and # more' }),

  import: 'Import recordings',
  looking: 'Looking for recordings. With many files this takes a minute…',
  ownFound: (count: number) =>
    countText(count, {
      one: 'One file here is a recording of Perch already and is not imported.',
      other: '# files here are recordings of Perch already and are not imported.',
    }),
  notImportable: (count: number) =>
    countText(count, { one: 'One file cannot be imported', other: '# files cannot be imported' }),
  whichCamera: 'Whose recordings are they?',
  moreChannels: 'It has more channels, or older recordings, than shown. Import these, or choose an earlier period.',
  timesAhead: (time: string) => `Its times are ahead by ${time}. This is corrected.`,
  timesBehind: (time: string) => `Its times are behind by ${time}. This is corrected.`,
  moreGroups: 'There are more folders with recordings than shown. Import these, or choose a folder below.',
  inFolderItself: 'In the folder itself',
  recordings: files,
  cameraFor: (name: string) => `Camera for ${name}`,
  newCamera: 'New camera',
  nowhere: 'Do not import',
  newName: 'Name of the new camera',
  newNameMissing: 'Give the camera a name.',
  newNameHint: 'It is switched off and only has these recordings. They are kept as long as there is room.',
  allImported: 'Nothing to import: what the recorder has of this period is here already, or was deleted here.',
  nothingToImport: 'Nothing would be imported.',
  importDoesNotFit: (size: string) =>
    `Room for ${size} is missing. Import fewer cameras or make room; else the import waits when the disk is full.`,
  tooOld: (count: number) =>
    `${countText(count, { one: 'One recording is', other: '# recordings are' })} older than the camera keeps and will not be imported. Let the camera keep recordings longer (Settings, Cameras), or choose New camera.`,
  startImport: 'Import',
  imported: (count: number) => countText(count, { one: 'one recording imported', other: '# recordings imported' }),
  notImported: (count: number) =>
    countText(count, { one: 'One file was not imported', other: '# files were not imported' }),
  presentAlready: (count: number) => countText(count, { one: 'one was there already', other: '# were there already' }),
  watch: (camera: string) => `Watch ${camera}`,
  cancelImport: 'Cancel the import',
  cancelImportText: 'What was imported stays. If you import the same folder again, it takes only the rest.',

  importFromBox: 'Import from another box',
  isFetching: (box: string) => `Recordings of ${box} are being imported.`,
  boxMayBeEmptied: 'Each recording was compared with that of the box, byte by byte. Its owner may now empty it.',
  boxMayBeEmptiedButFor:
    'Each recording that was imported was compared with that of the box, byte by byte. Before its owner empties it, look at what was not imported.',
  whyBoxAway: 'The box does not answer. It continues when the box is back.',
  whyBoxRefuses:
    'The box does not let this Perch have recordings. Its owner allows it there (Settings, People, Servers).',
  whyBoxUnknown: 'The box was removed. Pair it again, or cancel.',
  cancelFetchText: 'What was imported stays. If you import from the same box again, it takes only the rest.',

  importFromRecorder: 'Import from a recorder or camera',
  isReplaying: (name: string) => `Recordings of ${name} are being imported.`,
  recordedDays: (count: number) => countText(count, { one: 'one day', other: '# days' }),
  toReplay: (duration: string, size: string, free: string) =>
    `${duration} of recordings will be imported, about ${size}; ${free} are free there.`,
  takesAbout: (time: string) => `It takes about ${time}.`,
  partTooOld: 'A part is older than the camera keeps and will not be imported. Choose New camera to keep it.',
  sizeDone: (done: string, total: string) => `${done} of about ${total}`,
  channelDone: (done: string, total: string) => `${done} of ${total}`,
  partsNotImported: (count: number) =>
    countText(count, { one: 'One part was not imported', other: '# parts were not imported' }),
  cancelRecorderText: 'What was imported stays. If you import from the same recorder again, it takes only the rest.',
  firstDay: 'First day',
  lastDay: 'Last day',
  dayHint: 'Empty: no limit.',
  lastDayWrong: 'The last day is before the first.',
};

export type CopyingWords = typeof copying;
