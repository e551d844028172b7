import { computed, effect } from '@preact/signals';
import { isPageVisible } from '../shell/page-state.ts';
import { access, session, setupCode } from './session.ts';

/**
 * Moves a page that was opened over http to https at the same place, once the browser trusts the box. This is tried
 * at startup, at login and whenever the page becomes visible, as after a visit to `/trust`. A page with typed text
 * stays.
 */
function moveToHttps(): void {
  // The session is read again after each rejection, with the same content.
  const port = computed(() => session.value?.https?.port);
  const box = computed(() => session.value?.https?.box);
  effect(() => {
    // Read here to subscribe to both.
    const isWanted = access.value !== 'unknown' && isPageVisible.value;
    const https =
      port.value === undefined || box.value === undefined ? undefined : { port: port.value, box: box.value };
    if (https && isWanted && location.protocol === 'http:' && !window.isSecureContext) {
      void moveIfTrusted(https);
    }
  });
}

const TEXT = 'textarea, input:not([type=radio], [type=checkbox], [type=range], [type=file], [readonly])';

/** Whether a reload would lose typed text. */
function isTyping(): boolean {
  const fields = document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(TEXT);
  // Forms with changes prevent unloading.
  const isKept = !window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
  return isKept || [...fields].some((field) => field.value !== '');
}

let isAsking = false;

async function moveIfTrusted({ port, box }: { readonly port: number; readonly box: string }): Promise<void> {
  if (isAsking) {
    return;
  }
  isAsking = true;
  const base = `https://${location.hostname}:${port}`;
  const answered = await boxAt(base);
  isAsking = false;
  if (answered === box && !isTyping()) {
    // The setup code has been removed from the address; after a reload it would have to be typed.
    const hash = setupCode.peek() === '' ? location.hash : `#/setup/${setupCode.peek()}`;
    location.replace(`${base}${location.pathname}${location.search}${hash}`);
  }
}

/** Identity of the box at that address; undefined if none answers or the browser does not trust it. */
async function boxAt(base: string): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(5_000);
    const response = await fetch(`${base}/trust/here`, { cache: 'no-store', credentials: 'omit', signal });
    return ((await response.json()) as { box?: string }).box;
  } catch {
    return undefined;
  }
}

moveToHttps();
