import { useEffect, useLayoutEffect } from 'preact/hooks';
import { access, expiredUser, isOwner, mustReload, session } from '../api-client/session.ts';
import { cameras, maySeeRecordings } from '../cameras/cameras.ts';
import { doorbell } from '../cameras/recent-events.ts';
import { forgetCameras } from '../cameras/remembered-cameras.ts';
import { AwayStrip } from '../live/notices.tsx';
import { LivePage } from '../pages/live.tsx';
import { forgetStills } from '../player/video-surface.ts';
import { NAV_ITEMS } from '../shell/nav-items.ts';
import { lastScroll, lastVisited } from '../shell/navigation.ts';
import { hasNewEvents } from '../shell/page-state.ts';
import { type Route, route, scrollKey } from '../shell/route.ts';
import { Toasts } from '../ui/feedback/toast.tsx';
import { Icon, Mark } from '../ui/icons/icon.tsx';
import { lazyPage, lazyPart } from '../ui/lazy/lazy-page.tsx';
import { liveWords, loadSettingsWords, words } from '../words/words.ts';
import { entryState } from './entry.ts';

/** A bar at the bottom of phones, else a rail on the left. */
function Nav() {
  const { page: current } = route.value;
  const here = current === 'clips' ? 'recordings' : current;
  const shown = NAV_ITEMS.filter(({ page }) => maySeeRecordings.value || page === 'live' || page === 'settings');
  return (
    <nav aria-label={words.value.places}>
      <Mark />
      {shown.map(({ page, link, icon }) => (
        <a
          key={page}
          href={(page !== current && lastVisited(page)) || link}
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

const Start = lazyPage(async () => {
  const [page] = await Promise.all([import('../pages/start.tsx'), loadSettingsWords()]);
  return page.StartPage;
});
const Login = lazyPage(() => import('../pages/login.tsx').then((page) => page.LoginPage));
const OneCamera = lazyPage(() => import('../pages/camera.tsx').then((page) => page.CameraPage));
const Recordings = lazyPage(() => import('../pages/recordings.tsx').then((page) => page.RecordingsPage));
const loadEvents = () => import('../pages/events.tsx');
const Events = lazyPage(() => loadEvents().then((page) => page.EventsPage));
const Clips = lazyPage(async () => {
  const [page] = await Promise.all([import('../pages/clips/clips.tsx'), loadSettingsWords()]);
  return page.ClipsPage;
});
const SharedClip = lazyPage(async () => {
  const [page] = await Promise.all([import('../pages/clips/shared-clip.tsx'), loadSettingsWords()]);
  return page.SharedClipPage;
});
const Wall = lazyPage(() => import('../pages/wall.tsx').then((page) => page.WallPage));
const Settings = lazyPage(async () => {
  const [page] = await Promise.all([import('../pages/settings/settings.tsx'), loadSettingsWords()]);
  return page.SettingsPage;
});

const Doorbell = lazyPart(() => import('../pages/doorbell-call.tsx').then((page) => page.DoorbellCall));
const loadLoginSheet = () => import('../pages/login-sheet.tsx').then((page) => page.LoginSheet);
const LoginSheet = lazyPart(loadLoginSheet);

/** Reloads after a logout, which discards all state of the former user. */
export const App = () => (mustReload.value ? <ReloadPage /> : <Shell />);

function ReloadPage() {
  useEffect(() => {
    forgetStills();
    forgetCameras();
    location.reload();
  }, []);
  return null;
}

/** Login or setup, else the page of the address. */
function Shell() {
  const entry = entryState(session.value, access.value, route.value.page, expiredUser.value !== undefined);
  useEffect(() => {
    if (entry === 'login' || entry === 'start') {
      forgetStills();
      forgetCameras();
    }
  }, [entry]);
  useTitle();
  useLaterPages(entry === 'open');
  const isOpen = entry === 'open' || entry === 'again';
  const isBare =
    entry === 'waiting' ? isFirstBare() : entry === 'start' || entry === 'login' || isAlone(route.value) || isAdding();
  return (
    <>
      <AwayStrip />
      <main>{entry === 'start' ? <Start.Page /> : entry === 'login' ? <Login.Page /> : <Page isOpen={isOpen} />}</main>
      {!isBare && session.value?.role !== 'guest' && <Nav />}
      <Toasts />
      {isOpen && doorbell.value && <Doorbell {...doorbell.value} />}
      {entry === 'again' && <LoginSheet user={expiredUser.value} />}
    </>
  );
}

/** Whether `early.ts` has hidden the navigation. Applies until the session is known. */
const isFirstBare = () => document.documentElement.classList.contains('bare');

/** Pages without navigation. */
const isAlone = ({ page }: Route): boolean => page === 'camera' || page === 'wall';

/** Whether the owner is adding cameras, at the first start or in the settings. */
function isAdding(): boolean {
  const here = route.value;
  return isOwner.value && (here.page === 'start' || (here.page === 'settings' && here.part === 'add'));
}

/** The page of the address; before the first response only the shell. */
function Page({ isOpen }: { readonly isOpen: boolean }) {
  const here = route.value;
  useScroll(scrollKey(here));
  if (!isOpen) {
    return here.page === 'live' ? <LivePage /> : <div class="skeleton-page" />;
  }
  if (isAdding()) {
    return <Start.Page />;
  }
  if (session.value?.clip) {
    return <SharedClip.Page />;
  }
  switch (here.page) {
    case 'camera':
      return <OneCamera.Page />;
    case 'clips':
      return <Clips.Page />;
    case 'events':
      return <Events.Page />;
    case 'recordings':
      return <Recordings.Page />;
    case 'settings':
      return <Settings.Page />;
    case 'wall':
      return <Wall.Page />;
    default:
      return <LivePage />;
  }
}

/** Restores the scroll position of a page, also when its content loads later. */
function useScroll(screen: string): void {
  useLayoutEffect(() => {
    const to = lastScroll(screen);
    window.scrollTo(0, to);
    if (to === 0) {
      return undefined;
    }
    const observer = new ResizeObserver(() => {
      window.scrollTo(0, to);
      if (window.scrollY >= to) {
        observer.disconnect();
      }
    });
    observer.observe(document.body);
    const stop = () => observer.disconnect();
    const signs = ['pointerdown', 'wheel', 'keydown'] as const;
    for (const sign of signs) {
      window.addEventListener(sign, stop, { once: true, passive: true });
    }
    return () => {
      stop();
      for (const sign of signs) {
        window.removeEventListener(sign, stop);
      }
    };
  }, [screen]);
}

/** Loads the other pages while idle; guests use only one. */
function useLaterPages(isOpen: boolean): void {
  const isWanted = isOpen && session.value !== undefined && session.value.role !== 'guest';
  useEffect(() => {
    if (!isWanted) {
      return undefined;
    }
    const stop = new AbortController();
    fetchLater(stop.signal);
    return () => stop.abort();
  }, [isWanted]);
}

async function fetchLater(stop: AbortSignal): Promise<void> {
  const sections = async () => {
    const { sectionFetchers } = await import('../pages/settings/settings.tsx');
    for (const fetch of isOwner.peek() ? sectionFetchers() : []) {
      await idle();
      await fetch();
    }
  };
  // The box may be away when they are needed.
  const parts = [loadLoginSheet, () => import('../player/fallbacks.ts'), () => import('../live/tile-actions.ts')];
  const events = () => loadEvents().then((page) => page.watchNewestEvents());
  for (const fetch of [
    OneCamera.fetch,
    Recordings.fetch,
    Events.fetch,
    events,
    Clips.fetch,
    Settings.fetch,
    ...parts,
    sections,
  ]) {
    await idle();
    if (stop.aborted) {
      return;
    }
    // Loaded when needed.
    await fetch().catch(() => {});
  }
}

/** Safari has no `requestIdleCallback`. */
const idle = (): Promise<void> =>
  new Promise((resolve) => {
    if ('requestIdleCallback' in window) {
      requestIdleCallback(() => resolve(), { timeout: 10_000 });
    } else {
      setTimeout(resolve, 2_000);
    }
  });

/** Tab and history name the page; the settings do so themselves. */
function useTitle(): void {
  const here = route.value;
  const name = 'camera' in here && here.page !== 'settings' ? here.camera : undefined;
  const camera = cameras.value?.find((one) => one.name === name)?.title ?? name;
  const page =
    here.page === 'wall'
      ? (here.wall ?? liveWords.value.wall)
      : words.value[here.page === 'events' || here.page === 'recordings' || here.page === 'clips' ? here.page : 'live'];
  const title = here.page === 'camera' ? camera : [camera, page].filter(Boolean).join(' · ');
  useEffect(() => {
    if (here.page !== 'settings') {
      document.title = `${title} · Perch`;
    }
  }, [title, here.page]);
}
