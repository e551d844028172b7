import { type ComponentChildren, h } from 'preact';
import { settingsLink } from '../shell/route.ts';
import type { ReasonsWords } from '../words/en/reasons.ts';
import { reasonsWords } from '../words/reasons.ts';
import { language, words } from '../words/words.ts';
import { type Change, RequestError } from './request.ts';

type Reason = { [K in keyof ReasonsWords]: ReasonsWords[K] extends string ? K : never }[keyof ReasonsWords];

/** The box's reason codes. */
const BY_WORD: Readonly<Record<string, Reason>> = {
  paused: 'paused',
  busy: 'busy',
  taken: 'taken',
  limit: 'limit',
  byVariable: 'byVariable',
  notWritten: 'notWritten',
  brokenFile: 'brokenFile',
};
const BY_STATUS: Readonly<Record<number, Reason>> = {
  403: 'forOwner',
  404: 'gone',
  500: 'itsFault',
  504: 'tooSlow',
};

/** Precondition Failed: someone else has changed the same settings. */
const CHANGED = 412;

/** After a change that the box has accepted. @param text what was saved */
export const savedText = ({ isUnsaved }: Change, text = words.peek().saved): string =>
  isUnsaved ? reasonsWords.peek().savedUntilRestart : text;

/** Why something was not saved. Without a response, the outcome is unknown. */
export const saveErrorText = (error: unknown): ComponentChildren => failed(words.value.notSaved, error);

/** The same for actions that save nothing, such as a restart. */
export const actionErrorText = (error: unknown): ComponentChildren => failed(words.value.notDone, error);

const failed = (sentence: (why: string) => string, error: unknown): ComponentChildren =>
  error instanceof RequestError && error.status !== 0 ? reasonText(sentence, error) : reasonsWords.value.unknownOutcome;

/** @param sentence with the reason at its end */
export function reasonText(
  sentence: (why: string) => string,
  { status, why = '', message }: RequestError,
): ComponentChildren {
  if (status === CHANGED) {
    return sentence(reasonsWords.value.changedMeanwhile);
  }
  const known = BY_WORD[why] ?? BY_STATUS[status];
  if (known === 'brokenFile') {
    const { brokenFile, openFile } = reasonsWords.value;
    return [sentence(brokenFile), ' ', h('a', { href: settingsLink('system', 'file') }, openFile)];
  }
  return known ? sentence(reasonsWords.value[known]) : serverText(sentence, message);
}

/** A sentence with the box's own text, which is English. */
export const serverText = (sentence: (why: string) => string, why: string): ComponentChildren =>
  language.value === 'en' ? sentence(why) : [sentence(''), h('span', { lang: 'en' }, why)];
