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
  recorderRow: 'From an ONVIF recorder, another Perch, or the card in a camera.',
  recorderText:
    'Recordings of an ONVIF recorder, or of the card in a camera, become recordings of your cameras. The recorder keeps its own. It needs ONVIF Profile G.',
  whichRecorder: 'Where is the recorder?',
  recorderAddress: 'Address',
  recorderAddressHint: 'Such as 192.168.1.9 or 192.168.1.9:8000.',
  recorderAddressMissing: 'Type the address of the recorder, such as 192.168.1.9.',
  recorderUser: 'User name on the recorder',
  recorderPassword: 'Password on the recorder',
  recorderPasswordHint: 'This box keeps it until the import is over.',
  lookAtRecorder: 'Look for recordings',
  ownCameras: 'Or a camera of this box',
  ownCameraText: 'What is on its card.',
  changeRecorder: 'Change address or login',
  recorderHasNone: 'No recordings there',
  recorderHasNoneText:
    'The recorder lists no recordings. If it has some, this user may lack the right to play them: allow that on the recorder.',
  recorderRefuses:
    'The recorder refuses this user name or password. Many recorders and cameras have separate users for ONVIF.',
  recorderForbids:
    'This user may not fetch recordings. Give it the right to play them; on a Perch, the device password needs Recordings.',
  recorderUnreachable:
    'Nothing answers at this address. Check address and port, whether the recorder is on, and whether ONVIF is on in it.',
  recorderHasNoReplay: 'This device does not offer its recordings. That needs ONVIF Profile G.',
  rateHint: '2M or 500K. Empty: 12 MB.',
  ownRateHint: "2M or 500K. Empty: a quarter of the camera's link.",
};

export type TransferWords = typeof en;
