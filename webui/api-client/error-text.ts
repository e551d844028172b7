import { type ComponentChildren, h } from 'preact';
import { settingsLink } from '../shell/route.ts';
import type { ReasonsWords } from '../words/en/reasons.ts';
import { reasonsWords } from '../words/reasons.ts';
import { language, words } from '../words/words.ts';
import { BoxError } from './request.ts';

/** What the box calls a reason, and what it is here. */
const BY_WORD: Readonly<Record<string, keyof ReasonsWords>> = {
  paused: 'paused',
  busy: 'busy',
  taken: 'taken',
  limit: 'limit',
  byVariable: 'byVariable',
  notWritten: 'notWritten',
  brokenFile: 'brokenFile',
};
const BY_STATUS: Readonly<Record<number, keyof ReasonsWords>> = {
  403: 'forOwner',
  404: 'gone',
  500: 'itsFault',
  504: 'tooSlow',
};

/** HTTP's, as the box answers when somebody was faster. */
const CHANGED = 412;

/** Why something was not saved: the box said no for a reason. Without its answer nobody knows whether it was. */
export const failureWords = (error: unknown): ComponentChildren => failed(words.value.notSaved, error);

/** The same of what saves nothing: ending a session, deleting, starting anew. */
export const notDoneWords = (error: unknown): ComponentChildren => failed(words.value.notDone, error);

const failed = (say: (why: string) => string, error: unknown): ComponentChildren =>
  error instanceof BoxError && error.status !== 0 ? withReason(say, error) : reasonsWords.value.unknownOutcome;

/** @param say the sentence that the reason ends */
export function withReason(say: (why: string) => string, { status, why = '', message }: BoxError): ComponentChildren {
  if (status === CHANGED) {
    return say(words.value.changedMeanwhile);
  }
  const known = BY_WORD[why] ?? BY_STATUS[status];
  if (known === 'brokenFile') {
    const { brokenFile, openFile } = reasonsWords.value;
    return [say(brokenFile), ' ', h('a', { href: settingsLink('system', 'file') }, openFile)];
  }
  return known ? say(reasonsWords.value[known]) : boxSays(say, message);
}

/** A sentence with words of the box's own, which are English. */
export const boxSays = (say: (why: string) => string, why: string): ComponentChildren =>
  language.value === 'en' ? say(why) : [say(''), h('span', { lang: 'en' }, why)];
