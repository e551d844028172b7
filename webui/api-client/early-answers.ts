/*
 * The first requests of the page, sent while its script loads: the session, then side by side what the user may see. Called from
 * the inline script, so only old syntax and APIs are used.
 */

export const SESSION_ADDRESS = 'v3/session';
export const PATHS_ADDRESS = 'v3/paths/list?itemsPerPage=1000';
export const LAYOUTS_ADDRESS = 'v3/layouts/list?itemsPerPage=50';

const LIVE = /^(?:#\/?(?:live)?)?$/;

type Answers = Record<string, Promise<Response> | undefined>;

declare global {
  interface Window {
    earlyAnswers?: Answers;
  }
}

/** A guest's link is exchanged for a session first: call it without one. @param hash of the page */
export function askEarly(hash: string): void {
  if (!('fetch' in window && 'AbortController' in window)) {
    return;
  }
  const answers: Answers = {};
  window.earlyAnswers = answers;
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 15_000);
  const ask = (address: string): Promise<Response> => {
    const answer = fetch(address, { headers: { 'X-Perch-UI': '1' }, cache: 'no-store', signal: stop.signal });
    answers[address] = answer;
    // The script that takes it gets the error.
    answer.catch(() => {});
    return answer;
  };
  ask(SESSION_ADDRESS)
    .then((response) => response.clone().json())
    .then((session: { readonly mayLook: boolean; readonly role: string | null }) => {
      if (session.mayLook) {
        ask(PATHS_ADDRESS);
        if (session.role !== 'guest' && LIVE.test(hash)) {
          ask(LAYOUTS_ADDRESS);
        }
      }
    })
    .catch(() => {});
}

/** @returns an answer that nothing else has taken, or undefined */
export function takeEarlyAnswer(address: string): Promise<Response> | undefined {
  const answers = globalThis.window?.earlyAnswers;
  // An older answer, by the time since the page was requested, is out of date.
  const answer = performance.now() < 5_000 ? answers?.[address] : undefined;
  if (answers) {
    delete answers[address];
  }
  return answer;
}
