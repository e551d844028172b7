import { maySeeRecordings } from '../cameras/cameras.ts';
import { NAV_ITEMS } from '../shell/nav-items.ts';
import { lastVisited } from '../shell/navigation.ts';
import { hasNewEvents } from '../shell/page-state.ts';
import { route } from '../shell/route.ts';
import { Icon, Mark } from '../ui/icons/icon.tsx';
import { words } from '../words/words.ts';

/** A bar at the bottom of phones, else a rail on the left. */
export function Nav() {
  const { page: place } = route.value;
  const here = place === 'clips' ? 'recordings' : place;
  const shown = NAV_ITEMS.filter(({ page }) => maySeeRecordings.value || page === 'live' || page === 'settings');
  return (
    <nav aria-label={words.value.places}>
      <Mark />
      {shown.map(({ page, link, icon }) => (
        <a
          key={page}
          href={(page !== place && lastVisited(page)) || link}
          aria-current={page === here ? 'page' : undefined}
        >
          <Icon name={icon} />
          {words.value[page]}
          {page === 'events' && hasNewEvents.value && <b class="fresh">{words.value.newEvents}</b>}
        </a>
      ))}
    </nav>
  );
}
