import { useEffect } from 'preact/hooks';
import { awaySinceMs } from '../api-client/paths.ts';
import { access, isOwner, session } from '../api-client/session.ts';
import { nowMs } from '../shell/page-state.ts';
import { watchable } from '../cameras/cameras.ts';
import type { Camera } from '../cameras/camera.ts';
import { askReach, reachesBackDays } from '../cameras/recording-reach.ts';
import { rememberCameras, rememberedCameras } from '../cameras/remembered-cameras.ts';
import { summaryOf } from '../cameras/summary.ts';
import { ClaimNotice, Empty, OldBrowser, Warnings } from '../live/notices.tsx';
import { useGone } from '../live/removed-camera.ts';
import { settingsLink } from '../shell/route.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { words as commonWords, liveWords } from '../words/words.ts';
import { Arrange, arrangement } from './layout-menu.tsx';
import { LiveGrid } from './live-grid.tsx';
import { useLiveKeys } from './live-keys.tsx';

const OwnerCards = lazyPart(() => import('./cards/owner-cards.tsx').then((part) => part.OwnerCards));

const isStopped = ({ main }: Camera): boolean => main.recording?.error != null;

/** With so many it is known how to add one. */
const FEW = 3;

const before = rememberedCameras();

/** The grid. Before the box has answered it is the one of the last visit. */
export function LivePage() {
  const words = liveWords.value;
  const common = commonWords.value;
  const all = watchable.value ?? (access.value === 'unknown' ? before : undefined);
  const help = useLiveKeys(all ?? []);
  useRemembering();
  useGone();
  return (
    <>
      <header class="top">
        <div>
          <h1>{session.value?.role === 'guest' ? common.live : words.home}</h1>
          {all && all.length > 0 && <QuietLine all={all} />}
        </div>
        {all && all.length > 0 && <Arrange />}
      </header>
      <OldBrowser />
      <ClaimNotice />
      <Warnings />
      {isOwner.value && <OwnerCards stopped={all?.some(isStopped)} />}
      {all === undefined ? (
        <div class="grid" data-narrow="full" aria-hidden="true">
          <div class="tile waiting" />
        </div>
      ) : all.length === 0 ? (
        <Empty title={words.noCameras} text={words.noCamerasText}>
          {isOwner.value && <AddCamera />}
        </Empty>
      ) : (
        <div class={awaySinceMs.value === undefined ? 'live' : 'live away'}>
          <LiveGrid cameras={all} arrangement={arrangement.value} />
          {isOwner.value && all.length < FEW && <AddCamera />}
        </div>
      )}
      {help}
    </>
  );
}

/** For the next visit, unless one came by a link. */
function useRemembering(): void {
  const all = watchable.value;
  const isGuest = session.value?.role === 'guest';
  useEffect(() => {
    if (all && !isGuest) {
      rememberCameras(all);
    }
  }, [all, isGuest]);
}

function AddCamera() {
  return (
    <a class="add-camera" href={settingsLink('cameras', 'add')}>
      <Icon name="plus" />
      {liveWords.value.addCamera}
    </a>
  );
}

const countOf = (all: number, recording: number): string => {
  const words = liveWords.value;
  return recording > 0 ? words.camerasRecord(recording) : words.camerasCount(all);
};

/** Who is away, who records, and how far back. */
function QuietLine({ all }: { readonly all: readonly Camera[] }) {
  const words = liveWords.value;
  const mayAsk = isOwner.value;
  useEffect(() => {
    if (mayAsk) {
      askReach(Date.now());
    }
  }, [mayAsk]);
  // What was true before the box went may not be any more.
  const isKnown = access.value === 'granted' && awaySinceMs.value === undefined;
  const { offline, recording } = isKnown ? summaryOf(all, nowMs.value) : { offline: 0, recording: 0 };
  const days = recording > 0 && mayAsk ? reachesBackDays.value : undefined;
  const away = words.someOffline(offline);
  const rest = offline > 0 ? recording > 0 && words.othersRecord(recording) : countOf(all.length, recording);
  return (
    <p class="dim quiet">
      {offline > 0 && (mayAsk ? <a href={settingsLink('cameras')}>{away}</a> : away)}
      {offline > 0 && rest && ' · '}
      {rest}
      {days !== undefined && ` · ${words.daysBack(days)}`}
    </p>
  );
}
