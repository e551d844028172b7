import { render } from 'preact';
import { App } from './app.tsx';
import { keepAsking } from './box/paths.ts';
import { watchPage } from './box/wake.ts';
import { watchPlace } from './route.ts';
import { loadLanguage } from './words/words.ts';

watchPlace();
watchPage();
keepAsking(new AbortController().signal);

const root = document.getElementById('app');
if (root) {
  // The first words are in the right language; should they not come, English is there.
  loadLanguage()
    .catch(() => {})
    .then(() => render(<App />, root));
}
