import { useEffect } from 'preact/hooks';
import { access, session } from './box/session.ts';
import { cameras } from './cameras/cameras.ts';
import { doorOf } from './gate.ts';
import { CameraPage } from './pages/camera.tsx';
import { LivePage } from './pages/live.tsx';
import { LoginPage } from './pages/login.tsx';
import { RecordingsPage } from './pages/recordings.tsx';
import { SettingsPage } from './pages/settings.tsx';
import { StartPage } from './pages/start.tsx';
import { Nav } from './parts/nav.tsx';
import { AwayStrip } from './parts/notices.tsx';
import { forgetStills } from './player/stage.ts';
import { place } from './route.ts';
import { words } from './words/words.ts';

/** The page: what stands in front of it, then the place that the address names. */
export function App() {
  const door = doorOf(session.value, access.value, place.value.page);
  useEffect(() => {
    if (door === 'login' || door === 'start') {
      forgetStills();
    }
  }, [door]);
  useTitle();
  const isBare = door === 'start' || door === 'login' || (door === 'open' && place.value.page === 'camera');
  return (
    <>
      <AwayStrip />
      <main>
        {door === 'start' ? <StartPage /> : door === 'login' ? <LoginPage /> : <Page isOpen={door === 'open'} />}
      </main>
      {!isBare && <Nav />}
    </>
  );
}

/** Before the box has answered the shell is there already. */
function Page({ isOpen }: { readonly isOpen: boolean }) {
  const here = place.value;
  if (!isOpen) {
    return here.page === 'live' ? <LivePage /> : <div class="skeleton-page" />;
  }
  switch (here.page) {
    case 'camera':
      return <CameraPage name={here.camera} />;
    case 'recordings':
      return <RecordingsPage />;
    case 'settings':
      return <SettingsPage />;
    default:
      return <LivePage />;
  }
}

/** The browser's tab and history say where one is. */
function useTitle(): void {
  const here = place.value;
  const { live, recordings, settings } = words.value;
  const name = 'camera' in here ? here.camera : undefined;
  const camera = cameras.value?.find((one) => one.name === name)?.title ?? name;
  const page = here.page === 'recordings' ? recordings : here.page === 'settings' ? settings : live;
  const title = camera === undefined || here.page === 'recordings' ? page : camera;
  useEffect(() => {
    document.title = `${title} · Perch`;
  }, [title]);
}
