import { counter } from '../grammar/plural.ts';

const many = counter('en');
const NUMBERS = ['None', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine'];

/** First start: the owner's password, the cameras that are found, the pictures that arrive. Adding cameras later says the same. */
export const start = {
  startText: 'Choose a password. Without it nobody sees a picture, and no picture leaves your home.',
  passwordHint: 'Eight characters or more. A short sentence works well.',
  passwordLong: 'Long enough. A short sentence works well.',
  passwordCommon: 'Many people use this one. Add a word.',
  setupCode: 'Setup code',
  setupCodeHint: 'The terminal or screen of the box shows it. On the box itself “perch claim” needs none.',
  forgotten:
    'Forgotten? On the box itself, stop Perch, run “npm run perch -- reset-password” in its folder and start it again: its owner then chooses a new one.',
  clearText: 'This connection is not encrypted.',
  clearTextWayOut: 'Encrypt it: trust this box',
  setupCodeWrong: 'This is not the setup code of this box.',
  claimThere: 'Its configuration was not made by Perch. To make the box yours, run “perch claim” on it.',
  findCameras: 'Find my cameras',
  haveBackup: 'I have a backup',

  step: (now: number, all: number) => `Step ${now} of ${all}`,
  searching: 'Looking for cameras…',
  found: (count: number) => many(count, { one: 'One camera found', other: `${NUMBERS[count] ?? '#'} cameras found` }),
  foundNone: 'No camera answers yet. Is it plugged in and on this network? It shows up here by itself.',
  allThere: 'All that answer are there already. A new one shows up here by itself.',
  foundCameras: 'Cameras',
  cameraMissing: 'A camera is missing',
  onePassword: 'One password will probably do for all.',
  camerasPassword: 'Password of the cameras',
  cameraPassword: 'Password of the camera',
  passwordNone: 'Nothing typed. Tap again if the cameras have no password.',
  userNameIs: (name: string) => `User name: ${name}`,
  cameraUser: 'User name of the cameras',
  addCameras: (count: number) => many(count, { one: 'Add one camera', other: 'Add # cameras' }),
  noneTicked: 'Tick the cameras to add.',
  goToLive: 'Go to live',

  missingHow: 'How to find it',
  byAddress: 'Address',
  byRange: 'Network',
  byStream: 'Picture address',
  addressHint: "Such as 192.168.1.20. It stands in the maker's app and on your router's page.",
  addressWrong: 'This is no address in your home, such as 192.168.1.20.',
  rangeLabel: 'Network',
  rangeHint: 'Each address in it is asked once, up to 256.',
  rangeWrong: 'This is no network in your home, such as 192.168.1.0/24.',
  maker: 'Maker, if you know it',
  largePicture: 'Address of the large picture',
  largeHint: "It stands in the camera's manual and begins with rtsp.",
  largeWrong: 'This is no address such as rtsp://192.168.1.20/live/1.',
  smallPicture: 'Address of the small picture, if there is one',
  lookThere: 'Look there',
  lookText: 'This may take a minute. Closing gives it up.',
  putOnList: 'Put on the list',
  putOnListText: 'It is tried when you add it.',
  lookingAt: (done: number, all: number) => `Looking… ${done} of ${all}`,
  nothingThere: 'No camera answers there. Is it plugged in? Is the address right?',
  rangeDone: (count: number) =>
    count === 0
      ? 'No camera answers there.'
      : many(count, { one: 'One camera answers there.', other: '# cameras answer there.' }),

  adding: (count: number) => many(count, { one: 'Adding one camera', other: 'Adding # cameras' }),
  noneAdded: 'No picture yet',
  someLive: (count: number) => many(count, { one: 'One is live', other: `${NUMBERS[count] ?? '#'} are live` }),
  othersComing: 'The others are coming. Tap a name to change it.',
  tapName: 'Tap a name to change it.',
  eachTakes: 'Each takes a few seconds.',
  keptDays: (days: number) =>
    many(days, { one: 'What is recorded is kept for one day.', other: 'What is recorded is kept for # days.' }),
  keptAll: 'What is recorded is kept as long as there is room.',
  keptFits: (fits: number, days: number) =>
    `There is room for ${many(fits, { one: 'one day', other: '# days' })} of recordings, not for ${days}. Then the oldest go.`,
  nameOf: (camera: string) => `Name of ${camera}`,
  nameText: 'So you find it: Garden, Front door.',
  nameWrong: 'A name, so that one finds it.',
  otherPassword: (camera: string) => `${camera} has another password.`,
  enterIt: 'Enter it',
  cameraRefuses: (camera: string) => `${camera} does not accept this password.`,
  camerasRefuse: (count: number) => `${count} cameras do not accept this password.`,
  oneByOne: 'One by one',
  sameAs: (camera: string) => `Try the one of ${camera}`,
  theseCameras: (names: string) => `${names}.`,
  triesLeft: (count: number) =>
    many(count, {
      one: 'After one more try some cameras lock for 30 minutes.',
      other: 'After # more tries some cameras lock for 30 minutes.',
    }),
  onvifUsers: 'Its own page knows this name; ONVIF has names of its own there.',
  cameraLocked: (camera: string) => `${camera} is locked after wrong passwords.`,
  cameraLockedText: 'It takes the right one again in half an hour.',
  openItsPage: 'Open its page',
  onvifOff: 'ONVIF is switched off in this camera.',
  onvifOffText:
    "Switch it on in the camera's own settings: Network, Integration protocol, ONVIF. Or add the camera with its stream address.",
  clockRefuses: (camera: string) => `The clock of ${camera} is wrong, so it refuses the password.`,
  clockRefusesText: 'Set date, time and time zone on its page.',
  inTheClear: (camera: string) => `${camera} takes its password only so that anybody in your network can read it.`,
  inTheClearText: 'Use it for this camera alone.',
  useItAnyway: 'Use it anyway',
  cameraSilent: (camera: string) => `${camera} does not answer.`,
  cameraSilentText: 'Look at power and cable.',
  otherCamera: (camera: string) => `Another camera is where ${camera} was.`,
  otherCertificate: (camera: string) => `${camera} shows another certificate than before.`,
  otherCertificateText: 'If it was renewed, take fingerprint out of its camera block under System, File.',
  notAdded: (camera: string) => `${camera} was not added.`,
  notFinished: 'Whether it was is not known.',
  tryAgain: 'Try again',
};

export type StartWords = typeof start;
