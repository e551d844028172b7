import { useEffect, useRef } from 'preact/hooks';
import { isOwner } from '../../api-client/session.ts';
import { tellReturns } from '../../cameras/camera-notices.ts';
import { Warnings } from '../../live/notices.tsx';
import { place, type SettingsRoom, settingsLink } from '../../shell/route.ts';
import { tellRestored } from '../../system/restore-notice.ts';
import { Icon, type IconName } from '../../ui/icons/icon.tsx';
import { lazyPage } from '../../ui/lazy/lazy-page.tsx';
import { camerasWords } from '../../words/cameras.ts';
import { peopleWords } from '../../words/people.ts';
import { storageWords } from '../../words/storage.ts';
import { systemWords } from '../../words/system.ts';
import { words } from '../../words/words.ts';
import { You } from './people/you.tsx';

const Rooms = {
  cameras: lazyPage(() => import('./cameras/cameras.tsx').then((page) => page.CamerasPage)),
  storage: lazyPage(() => import('./storage/storage.tsx').then((page) => page.StoragePage)),
  system: lazyPage(() => import('./system/system.tsx').then((page) => page.SystemPage)),
  people: lazyPage(() => import('./people/people.tsx').then((page) => page.PeoplePage)),
} as const satisfies Record<SettingsRoom, unknown>;

// It comes with the settings, which everybody's page fetches once the pictures are there.
tellReturns();

/** For when there is nothing else to do. */
export const fetchRooms = (): readonly (() => Promise<void>)[] => [
  async () => tellRestored(),
  ...Object.values(Rooms).map(({ fetch }) => fetch),
];

/** The owner's rooms, or what everybody may set: chips above on a phone, a list on the left elsewhere. */
export function SettingsPage() {
  const here = place.value;
  const rooms = namedRooms();
  const room = here.page === 'settings' && isOwner.value ? here.room : undefined;
  const [, title = words.value.settings] = rooms.find(([one]) => one === room) ?? [];
  useEffect(() => {
    document.title = `${title} · Perch`;
  }, [title]);
  if (here.page !== 'settings') {
    return null;
  }
  if (!room) {
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
  const { Page } = Rooms[room];
  return (
    <div class="settings has-rooms">
      <RoomList rooms={rooms} shown={room} />
      <div class="settings-page" key={room}>
        <Warnings />
        <Page />
      </div>
    </div>
  );
}

type NamedRoom = readonly [SettingsRoom, string, IconName];

const namedRooms = (): readonly NamedRoom[] => [
  ['cameras', camerasWords.value.cameras, 'camera'],
  ['storage', storageWords.value.storage, 'disk'],
  ['system', systemWords.value.system, 'chip'],
  ['people', peopleWords.value.people, 'person'],
];

interface RoomListProps {
  readonly rooms: readonly NamedRoom[];
  readonly shown: SettingsRoom;
}

function RoomList({ rooms, shown }: RoomListProps) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    // On a narrow phone the chips scroll sideways.
    list.current?.querySelector(`[href$="${shown}"]`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [shown]);
  return (
    <header class="rooms">
      <h1 class="title">{words.value.settings}</h1>
      <ul ref={list}>
        {rooms.map(([room, name, icon]) => (
          <li key={room}>
            <a href={settingsLink(room)} aria-current={room === shown ? 'page' : undefined}>
              <Icon name={icon} />
              {name}
            </a>
          </li>
        ))}
      </ul>
    </header>
  );
}
