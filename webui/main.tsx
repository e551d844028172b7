import { render } from 'preact';
import { App } from './app.tsx';
import { loadAppearance } from './appearance.ts';
import { listenToBox } from './box/feed.ts';
import { keepAsking } from './box/paths.ts';
import { openGuestLink, session, setupCode } from './box/session.ts';
import { watchPage } from './box/wake.ts';
import { keepShell } from './keep-shell.ts';
import { watchPlace } from './navigation.ts';
import { guestToken, setupCodeIn } from './route.ts';
import { loadLanguage } from './words/words.ts';

/** The address is cleared at once: what stands in it goes on to whomever it is shown. */
async function openGuestLinks(): Promise<void> {
  const token = guestToken(location.hash);
  if (token !== undefined) {
    history.replaceState(undefined, '', '#/live');
    opening.abort();
    opening = new AbortController();
    await openGuestLink(token, opening.signal);
  }
}

function takeSetupCode(): void {
  const code = setupCodeIn(location.hash);
  if (code !== undefined) {
    setupCode.value = code;
    history.replaceState(undefined, '', '#/start');
  }
}

let opening = new AbortController();

window.addEventListener('hashchange', () => void openGuestLinks());
window.addEventListener('hashchange', takeSetupCode);
takeSetupCode();
openGuestLinks().then(() => keepAsking(new AbortController().signal));
watchPlace();
loadAppearance();
watchPage();
listenToBox();

keepShell();
// Begins by itself.
session.subscribe((now) => now?.https && import('./box/move-to-https.ts'));

const root = document.getElementById('app');
if (root) {
  // The first words are in the right language; should they not come, English is there.
  loadLanguage()
    .catch(() => {})
    .then(() => render(<App />, root));
}
