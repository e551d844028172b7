import { maySeeRecordings } from '../cameras/cameras.ts';
import { lastVisited } from '../shell/navigation.ts';
import { PLACES } from '../shell/nav-items.ts';
import { place } from '../shell/route.ts';
import { Icon, Mark } from '../ui/icons/icon.tsx';
import { words } from '../words/words.ts';

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
