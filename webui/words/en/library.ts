/** The library of clips, and a clip of a guest link. */
export const library = {
  removeClipText: 'Links to it stop working. The recording is deleted when it expires.',
  noClips: 'No clips yet',
  noClipsText: 'Mark a clip in Recordings and save it. It stays here until you remove it.',
  moreClips: 'Show more',
  clipLost: 'Recording missing',
  clipLostText: 'The recording of this clip is not on this box.',
  clipVideo: 'Clip',
  clipNotPlayed: 'This browser cannot play this clip. Download it.',
  clipSavedAt: (when: string) => `Saved ${when}`,
  clipSavedBy: (name: string, when: string) => `Saved by ${name}, ${when}`,
  clipNote: 'Note',
  addNote: 'Add a note',
  editNote: 'Edit note',
  noteText: 'Viewers and guests do not see it.',
  showInRecordings: 'Show in Recordings',
  clipLink: 'Share a link',
  clipLinkText: 'Shows only this clip, for a limited time',
  clipLinkSees: 'Anyone with the link sees this clip and nothing else.',
  clipLinks: 'Links to this clip',
  downloadSize: (size: string) => `Download (${size})`,
  sharedClipGone: 'This clip is no longer available',
  sharedClipGoneText: 'Ask the person who sent you the link.',
};

export type LibraryWords = typeof library;
