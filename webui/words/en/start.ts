import { counter } from '../grammar/plural.ts';

const countText = counter('en');
const NUMBERS = ['None', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine'];

/** First start: the owner's password, and adding cameras, which the settings do too. */
export const start = {
  startText: 'Choose a password. Nobody can watch without it, and no video leaves your network.',
  startTextServer: 'Choose a password. Nobody can watch without it.',
  passwordHint: 'Eight characters or more. A short sentence works well.',
  passwordLong: 'Long enough. A short sentence works well.',
  passwordCommon: 'Many people use this one. Add a word.',
  setupCode: 'Setup code',
  setupCodeHint: (claim: string) =>
    `Shown at the start: in the terminal or the file that takes its output, the journal or the container's log, and on the screen of the box. Running “${claim}” on the box needs no code.`,
  forgotten: (reset: string) =>
    `Forgotten? On the box, stop Perch, run “${reset}” and start it again. The owner then chooses a new password.`,
  askOwner: 'Forgotten? The owner of this box can give you a new password.',
  codeLabel: 'Code',
  codeHint: 'Six digits from your authenticator app, or a recovery code.',
  codeWrong: 'Wrong code. Use the one that the app shows now.',
  usePasskey: 'Use a passkey',
  passkeyUnused: 'No passkey was used. Try again, or enter a code.',
  passkeyWrong: 'This passkey was not accepted. Try again, or enter a code.',
  lostPhone: (reset: string) =>
    `No phone and no recovery code? On the box, stop Perch, run “${reset}” and start it again. That removes the password and two-factor authentication.`,
  clearText: 'This connection is not encrypted.',
  clearTextWayOut: 'Encrypt it: trust this box',
  setupCodeWrong: 'Wrong setup code.',
  claimThere: (claim: string) =>
    `The configuration file of this box is from another program. To make the box yours, run “${claim}” on it.`,
  findCameras: 'Find my cameras',
  setPassword: 'Set the password',
  claiming: 'Setting the password…',
  haveBackup: 'I have a backup',

  step: (now: number, all: number) => `Step ${now} of ${all}`,
  searching: 'Looking for cameras…',
  found: (count: number) =>
    countText(count, { one: 'One camera found', other: `${NUMBERS[count] ?? '#'} cameras found` }),
  foundNone: 'No camera answers yet. Is one plugged in and on this network? It appears here automatically.',
  serverSearchesNot: 'A server searches for no cameras. Enter the address of one that it reaches, for example by VPN.',
  allThere: 'All cameras found are already added. New ones appear here automatically.',
  onCameraNetwork: 'on the network for cameras',
  foundCameras: 'Cameras',
  cameraMissing: "Add one that isn't listed",
  searchFound: 'Search the found cameras',
  noneMatches: 'No camera matches.',
  selectAll: 'Select all',
  selectNone: 'Select none',
  hideOthers: 'Hide the others',
  showHidden: (count: number) => countText(count, { one: 'Show one hidden camera', other: 'Show # hidden cameras' }),
  offeredByPerch: (count: number) =>
    countText(count, { one: 'One camera of another Perch', other: '# cameras of another Perch' }),
  onePassword: 'One password usually works for all.',
  cameraPassword: 'Camera password',
  cameraPasswordHint: "The cameras' own: set in the maker's app, or printed on the camera.",
  passwordNone: (cameras: string) => `No password for ${cameras}. Press again if there is none.`,
  userNameIs: (name: string) => `User name: ${name}`,
  cameraUser: 'Camera user name',
  addCameras: (count: number) => countText(count, { one: 'Add one camera', other: 'Add # cameras' }),
  noneTicked: 'Select the cameras to add.',
  offerNotifications: 'Get notified of events',
  goToLive: 'Go to live',
  later: 'Later',

  byAddress: 'Address',
  addressHint:
    "For example 192.168.1.20, or a stream address that starts with rtsp, rtmp, srt, whep, udp or http. You'll find it in the maker's app or the camera's manual.",
  addressWrong:
    'Enter an address or a host name, such as 192.168.1.20 or camera.local, or a stream address that starts with rtsp, rtmp, srt, whep, udp or http.',
  searchAll: (network: string) => `Search all of ${network}`,
  maker: 'Maker (optional)',
  smallPicture: 'Low-resolution address (optional)',
  smallWrong: 'Enter a stream address such as rtsp://192.168.1.20/stream2.',
  lookThere: 'Search',
  lookText: 'This may take a minute. Closing cancels the search.',
  looking: 'Searching…',
  slowText: 'The camera answers slowly. Still waiting…',
  loginRejected: 'The camera rejects this user name or password.',
  streamUnknown: 'A device answers, but its stream address is not known. Enter the address from its manual.',
  putOnList: 'Add to list',
  putOnListText: 'Tested when you add it.',
  lookingAt: (done: number, all: number) => `Searching… ${done} of ${all}`,
  nothingThere: 'No camera answers there. Check power and address.',
  rangeDone: (count: number) =>
    count === 0
      ? 'No camera answers there.'
      : countText(count, { one: 'One camera answers there.', other: '# cameras answer there.' }),

  adding: (count: number) => countText(count, { one: 'Adding one camera', other: 'Adding # cameras' }),
  noneAdded: 'No camera added yet',
  added: (count: number) =>
    countText(count, { one: 'One camera added', other: `${NUMBERS[count] ?? '#'} cameras added` }),
  someNotAdded: (count: number) =>
    countText(count, { one: 'One camera was not added. Show why', other: '# cameras were not added. Show why' }),
  addingThem: 'Adding…',
  slow: 'Answers slowly…',
  notAddedShort: 'Not added',
  someLive: (count: number) => countText(count, { one: 'One is live', other: `${NUMBERS[count] ?? '#'} are live` }),
  othersComing: 'The others follow. Select a name to change it.',
  tapName: 'Select a name to change it.',
  eachTakes: 'Each takes a few seconds.',
  keptDays: (days: number) =>
    countText(days, { one: 'Recordings are kept for one day.', other: 'Recordings are kept for # days.' }),
  keptAll: 'Recordings are kept as long as space allows.',
  keptFits: (fits: number, days: number) =>
    `Only ${countText(fits, { one: 'one day fits', other: '# days fit' })}, not ${days}. The oldest recordings are deleted first.`,
  nameOf: (camera: string) => `Name of ${camera}`,
  nameText: 'For example Garden or Front door.',
  nameWrong: 'Enter a name.',
  otherPassword: (camera: string) => `${camera} has a different password.`,
  enterIt: 'Enter password',
  passwordFor: (cameras: string) => `Password for ${cameras}`,
  cameraRefuses: (camera: string) => `${camera} rejects this password.`,
  camerasRefuse: (count: number) => `${count} cameras reject this password.`,
  oneByOne: 'One by one',
  sameAs: (camera: string) => `Use the password of ${camera}`,
  theseCameras: (names: string) => `${names}.`,
  triesLeft: (count: number) =>
    countText(count, {
      one: 'After one more attempt some cameras lock for 30 minutes.',
      other: 'After # more attempts some cameras lock for 30 minutes.',
    }),
  onvifUsers: "This user exists on the camera's web page, but ONVIF has separate users.",
  cameraLocked: (camera: string) => `${camera} is locked after wrong passwords.`,
  cameraLockedText: 'Try again in half an hour.',
  openItsPage: "Open camera's web page",
  onvifOff: 'ONVIF is off in this camera.',
  onvifOffText:
    "Turn it on in the camera's settings (Network, Integration protocol, ONVIF), or add the camera by its stream address.",
  clockRefuses: (camera: string) => `${camera} rejects the password because its clock is wrong.`,
  clockRefusesText: 'Set the date, time and time zone on its web page.',
  inTheClear: (camera: string) =>
    `${camera} accepts its password only unencrypted. Anyone on your network can read it.`,
  inTheClearText: 'Use this password for this camera only.',
  useItAnyway: 'Use it anyway',
  cameraSilent: (camera: string) => `${camera} does not answer.`,
  cameraSilentText: 'Check power and cable.',
  otherCamera: (camera: string) => `Another camera is now at the address of ${camera}.`,
  otherCertificate: (camera: string) => `The certificate of ${camera} has changed.`,
  otherCertificateText: 'If it was renewed, remove fingerprint from its camera block under System, Configuration file.',
  someWereNotAdded: (count: number) =>
    countText(count, { one: 'One camera was not added.', other: '# cameras were not added.' }),
  editAddress: 'Edit address',
  remove: 'Remove',
  theyAreLocked: 'They are locked after wrong passwords.',
  theirClocks: 'They reject the password because their clocks are wrong.',
  theyAreInTheClear: 'They accept a password only unencrypted. Anyone on your network can read it.',
  theyAreSilent: 'They do not answer.',
  otherCamerasThere: 'Other cameras are now at these addresses.',
  theirCertificates: 'Their certificates have changed.',
  notAdded: (camera: string) => `${camera} was not added.`,
  noStream: "There is no stream at this address. Check it in the camera's manual.",
  cannotRead: 'It answers, but not as a camera that Perch supports.',
  notFinished: 'No answer yet. Check whether it was added.',
  tryAgain: 'Try again',
};

export type StartWords = typeof start;
