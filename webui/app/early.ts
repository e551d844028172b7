import { applyTheme, storedTheme } from '../shell/theme.ts';

/*
 * Runs before anything is shown, in browsers of any age: it may use nothing that is younger than they are. The page's
 * own scripts come later, and old browsers know neither modules nor all of their words.
 */

/** Places that have no navigation beside them, and guests, who have none at all. */
const BARE = /^#\/?(?:wall|start|login|live\/.|guest\/|settings\/cameras\/add)/;

const root = document.documentElement;

try {
  applyTheme(storedTheme());
} catch {
  // The browser keeps nothing for this page: the device's own theme it is.
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
