import { counter } from '../plural.ts';

const many = counter('en');

/** The grid, the wall and what state a camera is in: what is seen first. */
export const live = {
  home: 'Home',
  wall: 'Wall',
  arrange: 'Arrange',
  arrangeAuto: 'By itself',
  arrangeOne: 'One at a time',
  arrangeFour: '2 × 2',
  arrangeNine: '3 × 3',
  addCamera: 'Add a camera',
  moreOf: (camera: string) => `More for ${camera}`,
  pause: 'Pause',
  goOn: 'Go on',
  isPaused: (camera: string) => `${camera} is paused. Nothing of it is recorded.`,
  goesOn: (camera: string) => `${camera} goes on.`,
  keys: 'Keys',
  noCameras: 'No camera yet',
  noCamerasText: 'Plug one in. It shows up here by itself.',
  unknownCamera: 'There is no such camera',
  unknownCameraText: 'It may have another name now.',
  toLive: 'Go to live',
  camerasCount: (count: number) => many(count, { one: 'One camera', other: '# cameras' }),
  camerasRecord: (count: number) => many(count, { one: 'One camera records', other: '# cameras record' }),
  someOffline: (count: number) => `${count} offline`,
  othersRecord: (count: number) => many(count, { one: 'one records', other: '# record' }),
  daysBack: (days: number) => many(days, { one: 'one day back', other: '# days back' }),

  secondsAgo: (seconds: number) => `${seconds} s ago`,
  signingIn: 'Signing in…',
  firstPicture: 'First picture…',
  reconnecting: 'Reconnecting…',
  offline: 'Offline',
  offlineSince: (time: string) => `Offline since ${time}`,
  why: 'Why?',
  wrongPassword: 'Wrong password',
  enterAgain: 'Enter it again',
  misconfigured: 'Its settings do not work',
  notPlayable: 'Not playable here',
  notPlayableWhy: (codec: string) => `This browser cannot play this camera's picture (${codec}).`,
  notRecording: 'Not recording',
  paused: 'Paused',
  pausedUntil: (time: string) => `Paused until ${time}`,
  motion: 'Motion',
  vehicle: 'Vehicle',
  tamper: 'Covered or turned',
  doorbell: 'Doorbell',
  person: 'Person',

  soundOn: 'Sound on',
  soundOff: 'Sound off',
  snapshot: 'Snapshot',
  noPicture: 'There is no picture to save yet.',
};

export type LiveWords = typeof live;
