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

/** Removes a guest's token or the setup code from the address, which people copy and show. A reload still has the code. */
async function takeLink(): Promise<void> {
  const token = guestToken(location.hash);
  const code = setupCodeIn(location.hash) ?? (location.hash === '#/start' && history.state?.code);
  if (token || code) {
    history.replaceState(token ? undefined : { code }, '', token ? '#/live' : '#/start');
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
session.subscribe((now) => now?.https && import('../api-client/move-to-https.ts'));

const root = document.getElementById('app');
if (root) {
  // The first texts are in the chosen language; English if that fails to load.
  loadLanguage()
    .catch(() => {})
    .then(() => render(<App />, root));
}

/** Service workers need a secure context. */
function keepShell(): void {
  if (isSecureContext && 'serviceWorker' in navigator) {
    // After the first paint.
    window.addEventListener('load', () => {
      // The certificate is not trusted; the page works without.
      navigator.serviceWorker.register('shell-worker.js').catch(() => {});
    });
  }
}
