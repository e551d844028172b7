import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { unreachableSinceMs } from '../api-client/paths.ts';
import { fetchJson } from '../api-client/request.ts';
import { access, isOwner, session } from '../api-client/session.ts';
import { arrangement } from '../cameras/arrangement.ts';
import type { Camera } from '../cameras/camera.ts';
import { watchable } from '../cameras/cameras.ts';
import { chooseGroup, chosenGroup, groups, loadLayouts } from '../cameras/layouts.ts';
import { rememberCameras, rememberedCameras } from '../cameras/remembered-cameras.ts';
import { type Group, groupsWith, sectionsOf, withBoxes } from '../cameras/sections.ts';
import { summaryOf } from '../cameras/summary.ts';
import { ClaimNotice, Empty, OldBrowser, Warnings } from '../live/notices.tsx';
import { useRemovedCameraToast } from '../live/removed-camera.ts';
import { nowMs } from '../shell/page-state.ts';
import { cameraLink, settingsLink, wallLink } from '../shell/route.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { words as commonWords, liveWords } from '../words/words.ts';
import { LiveButton, ServerLink } from './features/parts.ts';
import { LiveGrid } from './live-grid.tsx';

const LayoutMenu = lazyPart(() => import('./layout-menu.tsx').then((part) => part.LayoutMenu));
const OwnerCards = lazyPart(() => import('./cards/owner-cards.tsx').then((part) => part.OwnerCards));

const isStopped = ({ main }: Camera): boolean => main.recording?.error != null;

/** Above this number the add button is hidden. */
const FEW = 3;

const before = rememberedCameras();

/** The grid of cameras; before the first response, that of the last visit. */
export function LivePage() {
  const words = liveWords.value;
  const common = commonWords.value;
  // At the first visit the cameras wait for their groups, so that no tile moves.
  const isKnown = groups.value !== undefined || before !== undefined || session.value?.role === 'guest';
  const all = (isKnown ? watchable.value : undefined) ?? (access.value === 'unknown' ? before : undefined);
  const grouped = withBoxes(groups.value ?? [], all ?? []);
  const sections = sectionsOf(all ?? [], grouped, chosenGroup.value);
  const OfServer = isOwner.value && session.value?.server ? ServerLink : undefined;
  const help = useLiveKeys(sections.flatMap(({ cameras }) => cameras));
  useLayouts();
  useRemembering();
  useRemovedCameraToast();
  return (
    <>
      <header class="top">
        <div>
          <h1>{common.live}</h1>
          {all && all.length > 0 && <QuietLine all={all} />}
        </div>
        {isOwner.value && LiveButton && <LiveButton />}
        {all && all.length > 0 && <LayoutButton />}
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
        OfServer ? (
          <OfServer isEmpty />
        ) : (
          <Empty title={words.noCameras} text={words.noCamerasText}>
            {isOwner.value && <AddCamera />}
          </Empty>
        )
      ) : (
        <div class={unreachableSinceMs.value === undefined ? 'live' : 'live away'}>
          <GroupChips all={all} grouped={grouped} />
          <LiveGrid sections={sections} arrangement={arrangement.value} />
          {isOwner.value && all.length < FEW && (OfServer ? <OfServer isEmpty={false} /> : <AddCamera />)}
        </div>
      )}
      {help}
    </>
  );
}

const POLL_MS = 60_000;

/** Loads and polls the groups and walls. */
function useLayouts(): void {
  const mayAsk = session.value?.mayLook === true && session.value.role !== 'guest';
  useEffect(() => {
    if (!mayAsk) {
      return undefined;
    }
    const load = () =>
      void loadLayouts().catch(() => {
        groups.value ??= [];
      });
    load();
    const timer = setInterval(load, POLL_MS);
    return () => clearInterval(timer);
  }, [mayAsk]);
}

interface GroupChipsProps {
  readonly all: readonly Camera[];
  readonly grouped: readonly Group[];
}

/** All cameras, one group, or one box. */
function GroupChips({ all, grouped }: GroupChipsProps) {
  const words = liveWords.value;
  const names = groupsWith(all, grouped).map(([name]) => name);
  const chosen = names.includes(chosenGroup.value) ? chosenGroup.value : '';
  return names.length === 0 ? null : (
    <fieldset class="groups" aria-label={words.groups}>
      {['', ...names].map((name) => (
        <button
          key={name}
          class="chip tap"
          type="button"
          aria-pressed={name === chosen}
          onClick={() => chooseGroup(name)}
        >
          <bdi>{name || words.allCameras}</bdi>
        </button>
      ))}
    </fieldset>
  );
}

function LayoutButton() {
  const { arrange } = liveWords.value;
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <div class="arrange">
      <button
        class="round"
        type="button"
        ref={button}
        aria-label={arrange}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        // The menu closes on taps outside; this tap toggles it.
        onPointerDown={(event) => isOpen && event.stopPropagation()}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="arrange" />
      </button>
      {isOpen && (
        <LayoutMenu
          onClose={(isElsewhere) => {
            setOpen(false);
            if (!isElsewhere) {
              button.current?.focus();
            }
          }}
        />
      )}
    </div>
  );
}

/** Stores the cameras for the next visit, except for guests. */
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

/** Offline and recording cameras, and days of recordings. */
function QuietLine({ all }: { readonly all: readonly Camera[] }) {
  const words = liveWords.value;
  const mayAsk = isOwner.value;
  useEffect(() => {
    if (mayAsk) {
      loadReach(Date.now());
    }
  }, [mayAsk]);
  // While the box is away, the numbers are outdated and are left out.
  const isKnown = access.value === 'granted' && unreachableSinceMs.value === undefined;
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

const Finder = lazyPart(() => import('./keyboard-help.tsx').then(({ FindCamera }) => FindCamera));
const Keys = lazyPart(() => import('./keyboard-help.tsx').then(({ LiveKeys }) => LiveKeys));

/** 1 to 9 open a shown camera, F the wall display, / the search, ? the shortcuts. @returns the open sheet */
function useLiveKeys(all: readonly Camera[]): ComponentChildren {
  const [sheet, setSheet] = useState<'find' | 'keys' | undefined>(undefined);
  const latest = useRef(all);
  latest.current = all;
  // Before the first frame, so that no key is lost.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { key, target } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || isElsewhere(target)) {
        return;
      }
      const camera = /^[1-9]$/.test(key) ? latest.current[Number(key) - 1] : undefined;
      if (camera) {
        location.hash = cameraLink(camera.name);
      } else if (key === 'f' || key === 'F') {
        location.hash = wallLink();
      } else if (key === '/' || key === '?') {
        event.preventDefault();
        setSheet(key === '/' ? 'find' : 'keys');
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
  const close = () => setSheet(undefined);
  return sheet === 'find' ? <Finder all={all} onClosed={close} /> : sheet === 'keys' ? <Keys onClosed={close} /> : null;
}

/** In a text field, sheet or menu. */
const isElsewhere = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('input, textarea, select, dialog, [role=menu]') !== null;

const KEPT_MS = 10 * 60_000;

/** Days of recordings, or undefined if there are none, or the number is unknown. */
const reachesBackDays = signal<number | undefined>(undefined);

let askedMs = Number.NEGATIVE_INFINITY;

/** Asks the box, at most once per period. Only for the owner. */
async function loadReach(nowMs: number): Promise<void> {
  if (nowMs - askedMs < KEPT_MS) {
    return;
  }
  askedMs = nowMs;
  try {
    const { reachesBackDays: days } = await fetchJson<{ reachesBackDays: number | null }>('v3/recordings/usage');
    reachesBackDays.value = days === null || days < 1 ? undefined : Math.floor(days);
  } catch {
    // The next visit asks again.
    askedMs = Number.NEGATIVE_INFINITY;
  }
}
