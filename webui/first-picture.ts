import { PLACES } from './shell/nav-items.ts';
import { ICONS, MARK } from './ui/icons/icon-paths.ts';

/**
 * What `index.html` shows before any script has run: the three places where `Nav` draws them, without their names,
 * since the language is not known yet. The page is drawn into the same elements.
 */
export function firstPicture(): string {
  const mark =
    `<svg class="mark" viewBox="0 0 32 32"><path class="perch" d="${MARK.perch}"/><path class="bird" d="${MARK.bird}"/>` +
    `<circle class="eye" cx="${MARK.eye.cx}" cy="${MARK.eye.cy}" r="${MARK.eye.r}"/></svg>`;
  const places = PLACES.map(
    ({ icon }) => `<a><svg class="icon" viewBox="0 0 24 24"><path d="${ICONS[icon]}"/></svg>&nbsp;</a>`,
  );
  return `<main></main><nav data-first aria-hidden="true">${mark}${places.join('')}</nav>`;
}
