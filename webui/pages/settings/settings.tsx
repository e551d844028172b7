import { useEffect, useRef } from 'preact/hooks';
import { isOwner } from '../../api-client/session.ts';
import { announceReturns } from '../../cameras/camera-notices.ts';
import { Warnings } from '../../live/notices.tsx';
import { route, type SettingsSection, settingsLink } from '../../shell/route.ts';
import { toastRestored } from '../../system/restore-notice.ts';
import { Icon, type IconName } from '../../ui/icons/icon.tsx';
import { lazyPage } from '../../ui/lazy/lazy-page.tsx';
import { camerasWords } from '../../words/settings/cameras.ts';
import { modesWords } from '../../words/settings/modes.ts';
import { notifyWords } from '../../words/settings/notify.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { storageWords } from '../../words/settings/storage.ts';
import { systemWords } from '../../words/settings/system.ts';
import { words } from '../../words/words.ts';
import { CAMERA_ROWS } from '../features/table.ts';
import { You } from './people/you.tsx';

const Sections = {
  cameras: lazyPage(() =>
    import('./cameras/cameras.tsx').then((page) => () => <page.CamerasPage rows={CAMERA_ROWS} />),
  ),
  modes: lazyPage(() => import('./modes/modes.tsx').then((page) => page.ModesPage)),
  storage: lazyPage(() => import('./storage/storage.tsx').then((page) => page.StoragePage)),
  system: lazyPage(() => import('./system/system.tsx').then((page) => page.SystemPage)),
  notifications: lazyPage(() => import('../../features/notify/notify-sheet.tsx').then((page) => page.NotifyPage)),
  people: lazyPage(() => import('./people/people.tsx').then((page) => page.PeoplePage)),
} as const satisfies Record<SettingsSection, unknown>;

// Loaded with the settings, which all pages preload.
announceReturns();

/** Preloaded while idle. */
export const sectionFetchers = (): readonly (() => Promise<void>)[] => [
  async () => toastRestored(),
  ...Object.values(Sections).map(({ fetch }) => fetch),
];

/** Sections of the owner, or the user's own settings: chips on phones, else a list on the left. */
export function SettingsPage() {
  const here = route.value;
  const sections = namedSections();
  const section = here.page === 'settings' && isOwner.value ? here.section : undefined;
  const [, title = words.value.settings] = sections.find(([one]) => one === section) ?? [];
  useEffect(() => {
    document.title = `${title} · Perch`;
  }, [title]);
  if (here.page !== 'settings') {
    return null;
  }
  if (!section) {
    return (
      <div class="settings">
        <header class="top">
          <h1>{words.value.settings}</h1>
        </header>
        <div class="settings-page">
          <You />
        </div>
      </div>
    );
  }
  const { Page } = Sections[section];
  return (
    <div class="settings has-sections">
      <SectionList sections={sections} shown={section} />
      <div class="settings-page" key={section}>
        <Warnings />
        <Page />
      </div>
    </div>
  );
}

type NamedSection = readonly [SettingsSection, string, IconName];

const namedSections = (): readonly NamedSection[] => [
  ['cameras', camerasWords.value.cameras, 'camera'],
  ['modes', modesWords.value.modes, 'night'],
  ['storage', storageWords.value.storage, 'disk'],
  ['system', systemWords.value.system, 'chip'],
  ['notifications', notifyWords.value.title, 'bell'],
  ['people', peopleWords.value.people, 'person'],
];

interface RoomListProps {
  readonly sections: readonly NamedSection[];
  readonly shown: SettingsSection;
}

function SectionList({ sections, shown }: RoomListProps) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    // Scrolls the chips on narrow phones.
    list.current?.querySelector(`[href$="${shown}"]`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [shown]);
  return (
    <header class="sections">
      <h1 class="title">{words.value.settings}</h1>
      <ul ref={list}>
        {sections.map(([section, name, icon]) => (
          <li key={section}>
            <a href={settingsLink(section)} aria-current={section === shown ? 'page' : undefined}>
              <Icon name={icon} />
              {name}
            </a>
          </li>
        ))}
      </ul>
    </header>
  );
}
