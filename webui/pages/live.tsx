import { useEffect } from 'preact/hooks';
import { awaySinceMs } from '../box/paths.ts';
import { access, isOwner, session } from '../box/session.ts';
import { watchable } from '../cameras/cameras.ts';
import type { Camera } from '../cameras/pair.ts';
import { askReach, reachesBackDays } from '../cameras/reach.ts';
import { rememberCameras, rememberedCameras } from '../cameras/remembered.ts';
import { Icon } from '../parts/icon.tsx';
import { ClaimNotice, Empty, OldBrowser, Warnings } from '../parts/notices.tsx';
import { settingsLink } from '../route.ts';
import { liveWords } from '../words/words.ts';
import { Arrange, arrangement } from './arrange.tsx';
import { LiveGrid } from './live-grid.tsx';
import { useLiveKeys } from './live-keys.tsx';

/** With so many it is known how to add one. */
const FEW = 3;

const before = rememberedCameras();

/** The grid. Before the box has answered it is the one of the last visit. */
export function LivePage() {
  const words = liveWords.value;
  const all = watchable.value ?? (access.value === 'unknown' ? before : undefined);
  const help = useLiveKeys(all ?? []);
  useRemembering();
  return (
    <>
      <header class="top">
        <div>
          <h1>{words.home}</h1>
          {all && all.length > 0 && <QuietLine all={all} />}
        </div>
        {all && all.length > 0 && <Arrange />}
      </header>
      <OldBrowser />
      <ClaimNotice />
      <Warnings />
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

/** Who records, and how far back. */
function QuietLine({ all }: { readonly all: readonly Camera[] }) {
  const words = liveWords.value;
  const mayAsk = isOwner.value;
  useEffect(() => {
    if (mayAsk) {
      askReach(Date.now());
    }
  }, [mayAsk]);
  const recording = all.filter(({ main }) => main.recording?.active).length;
  const days = recording > 0 && mayAsk ? reachesBackDays.value : undefined;
  return (
    <p class="dim quiet">
      {recording > 0 ? words.camerasRecord(recording) : words.camerasCount(all.length)}
      {days !== undefined && ` · ${words.daysBack(days)}`}
    </p>
  );
}
