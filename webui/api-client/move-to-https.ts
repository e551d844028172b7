import { computed, effect } from '@preact/signals';
import { isPageVisible } from '../shell/page-state.ts';
import { access, session, setupCode } from './session.ts';

const ANSWER_LIMIT_MS = 5_000;

/**
 * Takes a page that was opened over plain http on to https, at the same place, once the browser trusts the device: it is asked at the
 * start, at log-in, and whenever the page is shown again, as after a visit to `/trust`. Where something is typed nothing moves.
 */
function moveToHttps(): void {
  // The session is read again at each refusal, and says the same.
  const port = computed(() => session.value?.https?.port);
  const box = computed(() => session.value?.https?.box);
  effect(() => {
    // Read here, so that each change of them asks again.
    const isWanted = access.value !== 'unknown' && isPageVisible.value;
    const https =
      port.value === undefined || box.value === undefined ? undefined : { port: port.value, box: box.value };
    if (https && isWanted && location.protocol === 'http:' && !window.isSecureContext) {
      void moveIfTrusted(https);
    }
  });
}

/** Inputs that hold text. */
const TEXT = 'textarea, input:not([type=radio], [type=checkbox], [type=range], [type=file], [readonly])';

/** Whether something was typed that a reload would lose. */
function isTyping(): boolean {
  const fields = document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(TEXT);
  // Forms that hold something prevent it, as when the page is closed.
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
    // The code has been taken out of the address: without it, it would have to be typed there.
    const hash = setupCode.peek() === '' ? location.hash : `#/setup/${setupCode.peek()}`;
    location.replace(`${base}${location.pathname}${location.search}${hash}`);
  }
}

/** Which box answers there; undefined: none, or one that the browser does not trust. */
async function boxAt(base: string): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
    const response = await fetch(`${base}/trust/here`, { cache: 'no-store', credentials: 'omit', signal });
    return ((await response.json()) as { box?: string }).box;
  } catch {
    return undefined;
  }
}

moveToHttps();
