/** Settings, Storage: recordings to another disk, and of other programs. */
export const en = {
  moveRow: 'New recordings go there at once, the others follow. Recording continues.',
  moveText:
    'New recordings go to the other disk at once, and the others follow, the newest first. Each is copied and compared before the old file is deleted. They can be watched all the time.',
  where: 'Where to',
  otherFolder: 'Another folder',
  otherFolderText: 'Choose any folder of the box.',
  changeFolder: 'Choose another folder',
  chooseFolder: 'Use this folder',
  folderAbove: 'Folder above',
  folderPath: 'Path of the folder',
  openFolder: 'Open',
  folderUnknown: 'The box has no such folder, or Perch may not read it.',
  folderRefused: 'Type a path that begins with /, such as /mnt/disk, without %. Folders of the system cannot be used.',
  noFolders: 'No folders here.',
  moreFolders: 'There are more folders than shown.',
  nothingToMove: 'All recordings are there already. New ones will go there, too.',
  doesNotFit: (size: string) =>
    `Room for ${size} is missing. The newest recordings go first; the others wait on the old disk until there is room.`,
  start: 'Move recordings',
  importRow: 'From Frigate, MediaMTX or another program, on a disk or in a folder of this box.',
  importText:
    'Recordings of another program become recordings of your cameras. They are copied, so the files stay as they are. If they are on a USB disk, plug it into this box.',
  importWhere: 'Where are the recordings?',
  otherDisks: 'Other disks',
  allFolders: 'All folders',
  allFoldersText: 'Look through the whole box.',
  lookHere: 'Look for recordings here',
  nothingFound: 'No recordings to import here',
  nothingFoundText:
    'Perch imports MP4 and MPEG-TS files with date and time in their names, such as 2026-01-31_18-00-00.mp4, and the folders of Frigate and MediaMTX. Choose the folder that has them.',
};

export type TransferWords = typeof en;
