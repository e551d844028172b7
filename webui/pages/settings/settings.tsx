import { useEffect, useRef } from 'preact/hooks';
import { isOwner } from '../../api-client/session.ts';
import { announceReturns } from '../../cameras/camera-notices.ts';
import type { FeatureSection } from '../../features/contract.ts';
import { Warnings } from '../../live/notices.tsx';
import { route, type SettingsSection } from '../../shell/route.ts';
import { toastRestored } from '../../system/restore-notice.ts';
import { Icon } from '../../ui/icons/icon.tsx';
import { lazyPage } from '../../ui/lazy/lazy-page.tsx';
import { camerasWords } from '../../words/settings/cameras.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { storageWords } from '../../words/settings/storage.ts';
import { systemWords } from '../../words/settings/system.ts';
import { words } from '../../words/words.ts';
import { FeatureRows } from '../features/feature-rows.tsx';
import { CAMERA_ROWS, featurePages, featureSections } from '../features/table.ts';
import { You } from './people/you.tsx';

type Section = Omit<FeatureSection, 'before'>;

const CORE: readonly (Section & { readonly name: SettingsSection })[] = [
  {
    name: 'cameras',
    icon: 'camera',
    title: () => camerasWords.value.cameras,
    page: lazyPage(() =>
      import('./cameras/cameras.tsx').then((page) => () => (
        <page.CamerasPage rows={CAMERA_ROWS} below={<FeatureRows section="cameras" />} />
      )),
    ),
  },
  {
    name: 'storage',
    icon: 'disk',
    title: () => storageWords.value.storage,
    page: lazyPage(() => import('./storage/storage.tsx').then((page) => page.StoragePage)),
  },
  {
    name: 'system',
    icon: 'chip',
    title: () => systemWords.value.system,
    page: lazyPage(() => import('./system/system.tsx').then((page) => page.SystemPage)),
  },
  {
    name: 'people',
    icon: 'person',
    title: () => peopleWords.value.people,
    page: lazyPage(() => import('./people/people.tsx').then((page) => page.PeoplePage)),
  },
];

const SECTIONS: readonly Section[] = CORE.flatMap((section) => [
  ...featureSections.filter(({ before }) => before === section.name),
  section,
]);

// Loaded with the settings, which all pages preload.
announceReturns();

/** Preloaded while idle. */
export const sectionFetchers = (): readonly (() => Promise<void>)[] => [
  async () => toastRestored(),
  ...SECTIONS.map(({ page }) => page.fetch),
];

/** Sections of the owner, or the user's own settings: chips on phones, else a list on the left. */
export function SettingsPage() {
  const here = route.value;
  const section =
    here.page === 'settings' && isOwner.value
      ? (SECTIONS.find(({ name }) => name === here.section) ?? SECTIONS[0])
      : undefined;
  const title = section?.title() ?? words.value.settings;
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
  const { name, page } = section;
  const part = here.part ?? here.feature;
  const Feature = featurePages(name).find((one) => one.part === part)?.page ?? page.Page;
  return (
    <div class="settings has-sections">
      <SectionList shown={name} />
      <div class="settings-page" key={name}>
        <Warnings />
        <Feature />
      </div>
    </div>
  );
}

function SectionList({ shown }: { readonly shown: string }) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    // Scrolls the chips on narrow phones.
    list.current?.querySelector(`[href$="${shown}"]`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [shown]);
  return (
    <header class="sections">
      <h1 class="title">{words.value.settings}</h1>
      <ul ref={list}>
        {SECTIONS.map(({ name, icon, title }) => (
          <li key={name}>
            <a href={`#/settings/${name}`} aria-current={name === shown ? 'page' : undefined}>
              <Icon name={icon} />
              {title()}
            </a>
          </li>
        ))}
      </ul>
    </header>
  );
}
