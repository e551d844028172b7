import { maySeeRecordings } from '../cameras/cameras.ts';
import { lastVisited } from '../navigation.ts';
import { place } from '../route.ts';
import { words } from '../words/words.ts';
import { Icon, Mark } from './icon.tsx';
import { PLACES } from './places.ts';

/** Three places and nothing more: a bar below on phones, a rail on the left elsewhere. */
export function Nav() {
  const here = place.value.page;
  const shown = PLACES.filter(({ page }) => page !== 'recordings' || maySeeRecordings.value);
  return (
    <nav aria-label={words.value.places}>
      <Mark />
      {shown.map(({ page, link, icon }) => (
        <a
          key={page}
          href={(page !== here && lastVisited(page)) || link}
          aria-current={page === here ? 'page' : undefined}
        >
          <Icon name={icon} />
          {words.value[page]}
        </a>
      ))}
    </nav>
  );
}
