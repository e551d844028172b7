import { maySeeRecordings } from '../cameras/cameras.ts';
import { lastVisited } from '../navigation.ts';
import { place } from '../route.ts';
import { words } from '../words/words.ts';
import { Icon, Mark } from './icon.tsx';

/** Three places and nothing more: a bar below on phones, a rail on the left elsewhere. */
export function Nav() {
  const { live, recordings, settings, places } = words.value;
  const here = place.value.page;
  const entries = [
    { page: 'live', link: '#/live', name: live, icon: 'live' },
    { page: 'recordings', link: '#/rec', name: recordings, icon: 'recordings' },
    { page: 'settings', link: '#/settings', name: settings, icon: 'settings' },
  ] as const;
  const shown = entries.filter(({ page }) => page !== 'recordings' || maySeeRecordings.value);
  return (
    <nav aria-label={places}>
      <Mark />
      {shown.map(({ page, link, name, icon }) => (
        <a
          key={page}
          href={(page !== here && lastVisited(page)) || link}
          aria-current={page === here ? 'page' : undefined}
        >
          <Icon name={icon} />
          {name}
        </a>
      ))}
    </nav>
  );
}
