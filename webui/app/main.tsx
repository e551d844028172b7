import { render } from 'preact';
import { listenToBox } from '../api-client/event-stream.ts';
import { keepAsking } from '../api-client/paths.ts';
import { openGuestLink, session, setupCode } from '../api-client/session.ts';
import { watchPage } from '../shell/page-state.ts';
import { loadAppearance } from '../shell/appearance.ts';
import { watchPlace } from '../shell/navigation.ts';
import { guestToken, setupCodeIn } from '../shell/route.ts';
import { loadLanguage } from '../words/words.ts';
import { App } from './app.tsx';
import { keepShell } from './keep-shell.ts';

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
takeLink().then(() => keepAsking(new AbortController().signal));
watchPlace();
loadAppearance();
watchPage();
listenToBox();

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
