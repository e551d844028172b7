import { askEarly } from '../api-client/early-answers.ts';
import { applyTheme, storedTheme } from '../shell/theme.ts';

/*
 * Runs before the first paint, also in browsers that are too old for the page, so it uses only old syntax and APIs. The
 * page's own scripts are modules in newer syntax, which such browsers do not run.
 */

/** Addresses of pages without navigation. Guests have no navigation either. */
const BARE = /^#\/?(?:wall|start|login|live\/.|guest\/|settings\/cameras\/add)/;

const root = document.documentElement;

if (!/^#\/?guest\//.test(location.hash)) {
  askEarly(location.hash);
}

try {
  applyTheme(storedTheme());
} catch {
  // Without storage the system's theme applies.
}
if (BARE.test(location.hash)) {
  root.classList.add('bare');
}
if (!('noModule' in document.createElement('script'))) {
  root.classList.add('too-old');
}
window.addEventListener('error', (event) => {
  if (/SyntaxError/.test(event.message) && document.querySelector('[data-first]')) {
    root.classList.add('too-old');
  }
});
