import { counter } from '../grammar/plural.ts';

const countText = counter('en');

/** The grid, the wall display and the states of a camera. */
export const live = {
  wall: 'Wall display',
  arrange: 'Layout',
  groups: 'Groups',
  allCameras: 'All',
  otherCameras: 'Other cameras',
  addCamera: 'Add a camera',
  demoCamera: 'Demo camera',
  moreOf: (camera: string) => `More for ${camera}`,
  pause: 'Pause',
  goOn: 'Resume',
  isPaused: (camera: string) => `${camera} is paused and not recorded.`,
  goesOn: (camera: string) => `${camera} has resumed.`,
  keys: 'Keyboard shortcuts',
  noCameras: 'No cameras yet',
  noCamerasText: 'Plug one in. It appears here automatically.',
  isGone: (camera: string) => `${camera} has been removed.`,
  unknownCamera: 'No such camera',
  unknownCameraText: 'It may have been renamed.',
  toLive: 'Go to live',
  camerasCount: (count: number) => countText(count, { one: 'One camera', other: '# cameras' }),
  camerasRecord: (count: number) => countText(count, { one: 'Recording one camera', other: 'Recording # cameras' }),
  someOffline: (count: number) => `${count} offline`,
  othersRecord: (count: number) => countText(count, { one: 'one recording', other: '# recording' }),
  daysBack: (days: number) => countText(days, { one: 'one day back', other: '# days back' }),

  secondsAgo: (seconds: number) => `${seconds} s ago`,
  signingIn: 'Logging in…',
  connecting: 'Connecting…',
  firstPicture: 'Loading video…',
  reconnecting: 'Reconnecting…',
  offline: 'Offline',
  offlineSince: (time: string) => `Offline since ${time}`,
  why: 'Why?',
  wrongPassword: 'Wrong password',
  enterAgain: 'Enter it again',
  misconfigured: 'Invalid settings',
  notPlayable: 'Cannot play here',
  notPlayableWhy: (codec: string) => `This browser cannot play the camera's video (${codec}).`,
  notRecording: 'Not recording',
  privacy: 'Privacy',
  paused: 'Paused',
  pausedUntil: (time: string) => `Paused until ${time}`,

  moveEarlier: 'Move earlier',
  moveLater: 'Move later',
  soundOn: 'Sound on',
  soundOff: 'Sound off',
  snapshot: 'Snapshot',
  noPicture: 'No video for a snapshot yet.',
};

export type LiveWords = typeof live;
