import { applyTheme, storedTheme } from '../shell/theme.ts';

/*
 * Runs before anything is shown, in browsers of any age: it may use nothing that is younger than they are. The page's
 * own scripts come later, and old browsers know neither modules nor all of their words.
 */

/** Places without navigation; guests have none either. */
const BARE = /^#\/?(?:wall|start|login|live\/.|guest\/|settings\/cameras\/add)/;

const root = document.documentElement;

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
