import { counter } from '../grammar/plural.ts';

const many = counter('en');

/** What the shell, the forms and several pages say. */
export const common = {
  live: 'Live',
  recordings: 'Recordings',
  settings: 'Settings',
  back: 'Back',
  places: 'Navigation',
  close: 'Close',

  loginTitle: 'Welcome back',
  loginAgain: 'Log in again. What you typed is kept.',
  loginText: 'Log in to see your cameras.',
  loginButton: 'Log in',
  loginBusy: 'Checking…',
  loginWrong: 'Wrong name or password.',
  loginWrongPassword: 'Wrong password.',
  loginOther: 'Use another name',
  yourName: 'Your name',
  yourPassword: 'Your password',
  linkOver: 'This link has expired. Ask for a new one.',
  tooManyTries: (seconds: number) => `Too many attempts. Try again in ${seconds} s.`,
  noAnswer: 'This device does not answer. Try again.',
  showPassword: 'Show password',
  hidePassword: 'Hide password',
  notYours: 'This device has no owner yet.',
  makeYours: 'Make this device yours',
  hasOwner: 'This device has an owner. Log in.',

  boxAway: 'No connection to this device. Retrying…',
  boxStarts: (seconds: number) =>
    `This device is restarting. Pictures return in about ${many(seconds, { other: '#' })} s.`,
  oldBrowser: 'This browser is too old for live video. Use Chrome, Edge, Firefox or Safari of the last three years.',

  save: 'Save',
  saving: 'Saving…',
  saved: 'Saved.',
  savedLater: 'Saved as soon as this device answers.',
  notSaved: (why: string) => `Not saved. ${why}`,
  notDone: (why: string) => `Not done. ${why}`,
  changedMeanwhile: 'Someone else has changed this.',
  cancel: 'Cancel',
  undo: 'Undo',
  less: 'Less',
  more: 'More',
  discardTitle: 'Discard your changes?',
  discard: 'Discard',
  goOnEditing: 'Keep editing',
  changedBy: (name: string, when: string, what: string) => `${name} changed this${when && ` ${when}`}: ${what}`,
  changedByMe: (when: string, what: string) => `You changed this in another window ${when}: ${what}`,
  justNow: 'just now',
  somebody: 'Someone else',
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
