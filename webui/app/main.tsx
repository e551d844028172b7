import { render } from 'preact';
import { listenToEvents } from '../api-client/event-stream.ts';
import { pollPaths } from '../api-client/paths.ts';
import { openGuestLink, session, setupCode } from '../api-client/session.ts';
import { loadAppearance } from '../shell/appearance.ts';
import { watchRoute } from '../shell/navigation.ts';
import { watchPageState } from '../shell/page-state.ts';
import { guestToken, setupCodeIn } from '../shell/route.ts';
import { loadLanguage } from '../words/words.ts';
import { App } from './app.tsx';

let opening = new AbortController();

/** Takes a guest's token or the setup code out of the address at once: an address is copied and shown. */
async function takeLink(): Promise<void> {
  const token = guestToken(location.hash);
  const code = setupCodeIn(location.hash);
  if (token || code) {
    history.replaceState(undefined, '', token ? '#/live' : '#/start');
  }
  if (code) {
    setupCode.value = code;
  }
  if (token) {
    opening.abort();
    opening = new AbortController();
    await openGuestLink(token, opening.signal);
  }
}

addEventListener('hashchange', takeLink);
takeLink().then(() => pollPaths(new AbortController().signal));
watchRoute();
loadAppearance();
watchPageState();
listenToEvents();

keepShell();
// Begins by itself.
session.subscribe((now) => now?.https && import('../api-client/move-to-https.ts'));

const root = document.getElementById('app');
if (root) {
  // The first words are in the right language; should they not come, English is there.
  loadLanguage()
    .catch(() => {})
    .then(() => render(<App />, root));
}

/** Has the browser keep the page's shell, where it may: on https that it trusts, and on localhost. */
function keepShell(): void {
  if (isSecureContext && 'serviceWorker' in navigator) {
    // What is seen first comes first.
    window.addEventListener('load', () => {
      // A certificate that the browser does not trust: the page works without.
      navigator.serviceWorker.register('shell-worker.js').catch(() => {});
    });
  }
}
