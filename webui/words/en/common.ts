import { counter } from '../grammar/plural.ts';

const many = counter('en');

/** What the shell, the forms and several pages say. */
export const common = {
  live: 'Live',
  recordings: 'Recordings',
  settings: 'Settings',
  back: 'Back',
  places: 'Places',
  close: 'Close',

  loginTitle: 'Welcome back',
  loginAgain: 'Log in again. What you typed is kept.',
  loginText: 'Log in to see your cameras.',
  loginButton: 'Log in',
  loginBusy: 'Checking…',
  loginWrong: 'Name or password is not right.',
  loginWrongPassword: 'The password is not right.',
  loginOther: 'Use another name',
  yourName: 'Your name',
  yourPassword: 'Your password',
  linkOver: 'This link has ended. Ask the person who sent it.',
  tooManyTries: (seconds: number) => `Too many tries. Next one possible in ${seconds} s.`,
  noAnswer: 'The box does not answer. Try again.',
  showPassword: 'Show password',
  hidePassword: 'Hide password',
  notYours: 'This box has no owner yet.',
  makeYours: 'Make this box yours',
  hasOwner: 'This box has an owner. Log in.',

  boxAway: 'No connection to the box. Trying again…',
  boxStarts: (seconds: number) =>
    `The box is starting again. Pictures return by themselves in about ${many(seconds, { other: '#' })} s.`,
  oldBrowser:
    'This browser is too old for live pictures. Use Chrome, Edge, Firefox or Safari from the last three years.',

  save: 'Save',
  saving: 'Saving…',
  saved: 'Saved.',
  savedLater: 'Will be saved when the box is back.',
  notSaved: (why: string) => `Not saved. ${why}`,
  notDone: (why: string) => `That was not done. ${why}`,
  changedMeanwhile: 'Somebody has changed this meanwhile.',
  cancel: 'Cancel',
  undo: 'Undo',
  less: 'Less',
  more: 'More',
  discardTitle: 'Leave what you changed?',
  discard: 'Leave it',
  goOnEditing: 'Go on editing',
  changedBy: (name: string, when: string, what: string) => `${name} changed this${when && ` ${when}`}: ${what}`,
  changedByMe: (when: string, what: string) => `You changed this in another window ${when}: ${what}`,
  justNow: 'just now',
  somebody: 'Somebody else',
  takeTheirs: 'Take theirs',
  keepMine: 'Keep mine',

  today: 'Today',
  yesterday: 'Yesterday',
  yesterdayAt: (time: string) => `yesterday ${time}`,
  minutes: (count: string) => `${count} min`,
  seconds: (count: string) => `${count} s`,

  account: 'You',
  languageLabel: 'Language',
};

export type CommonWords = typeof common;
