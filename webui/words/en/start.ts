import { counter } from '../plural.ts';

const many = counter('en');
const NUMBERS = ['None', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine'];

/** First start: the owner's password, the cameras that are found, the pictures that arrive. Adding cameras later says the same. */
export const start = {
  startText: 'Choose a password. Without it nobody sees a picture, and no picture leaves your home.',
  passwordHint: 'Eight characters or more. A short sentence works well.',
  passwordLong: 'Long enough. A short sentence works well.',
  passwordCommon: 'Many people use this one. Add a word.',
  setupCode: 'Setup code',
  setupCodeHint: "It stands in the box's log and on its screen.",
  setupCodeWrong: 'This is not the setup code. It changes each time the box starts.',
  startButton: 'Make it mine',
  findCameras: 'Find my cameras',

  searching: 'Looking for cameras…',
  found: (count: number) => many(count, { one: 'One camera found', other: '# cameras found' }),
  foundNone: 'No camera answers yet. Is it plugged in and on this network? It shows up here by itself.',
  cameraMissing: 'A camera is missing',
  onePassword: 'One password will probably do for all.',
  camerasPassword: 'Password of the cameras',
  cameraPassword: 'Password of the camera',
  userNameIs: (name: string) => `User name: ${name}`,
  cameraUser: 'User name of the cameras',
  addCameras: (count: number) => many(count, { one: 'Add one camera', other: 'Add # cameras' }),

  someLive: (count: number) => many(count, { one: 'One is live', other: `${NUMBERS[count] ?? '#'} are live` }),
  othersComing: 'The others are coming. Tap a name to change it.',
  otherPassword: (camera: string) => `${camera} has another password.`,
  enterIt: 'Enter it',
  cameraRefuses: (camera: string) => `${camera} does not accept this password.`,
  triesLeft: (count: number) =>
    many(count, {
      one: 'After one more try some cameras lock for 30 minutes.',
      other: 'After # more tries some cameras lock for 30 minutes.',
    }),
  neverSetUp: (camera: string) => `${camera} is new and has no password yet.`,
  openItsPage: 'Open its page',
  toMakeOne: 'to make one.',
  onvifOff: 'ONVIF is switched off in this camera.',
  onvifOffText:
    "Switch it on in the camera's own settings: Network, Integration protocol, ONVIF. Or add the camera with its stream address.",
  cameraClock: (minutes: number) =>
    `The camera's clock is ${many(minutes, { other: '#' })} min off, so it refuses the password.`,
  setItsClock: 'Set its clock',
};

export type StartWords = typeof start;
