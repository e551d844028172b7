import { effect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { mayPlayBack, type Span } from '../api-client/recordings/recordings.ts';
import { type Camera, videoCodec } from '../cameras/camera.ts';
import { cameras } from '../cameras/cameras.ts';
import { DayChip } from '../clips/calendar.tsx';
import { ClipHandles } from '../clips/clip-handles.tsx';
import { zoomToClip } from '../clips/clip-selection.ts';
import { ClipTools } from '../clips/clip-tools.tsx';
import { ClipsChip } from '../clips/clips-chip.tsx';
import { DayList } from '../clips/events/day-list.tsx';
import { EventCaption } from '../clips/events/event-caption.tsx';
import { groupEvents } from '../clips/events/event-labels.ts';
import { findAdjacentEvent } from '../clips/events/event-search.ts';
import { SnapshotButton } from '../clips/snapshot-button.tsx';
import { Thumbnail } from '../clips/thumbnail.tsx';
import { AwayBox } from '../playback/away-box.tsx';
import { CardPlayback, cardMode } from '../playback/card-playback.tsx';
import { type PlaybackFailure, playbackFailureText } from '../playback/load-retry.ts';
import { MissingDisk } from '../playback/missing-disk.tsx';
import { PlaybackControls } from '../playback/playback-controls.tsx';
import { RecordedPicture } from '../playback/recorded-picture.tsx';
import { SyncChoice, SyncedRecording } from '../playback/synced-recording.tsx';
import { replaceAddress, replaceRoute } from '../shell/navigation.ts';
import { cameraLink, recordingsLink, route } from '../shell/route.ts';
import { isGone, momentAgo } from '../timeline/file-ranges.ts';
import { findAdjacentMark, laneFor } from '../timeline/lane-data.ts';
import { LaneNames } from '../timeline/lane-names.tsx';
import { type LaneCamera, textScale } from '../timeline/scene.ts';
import { onShortcuts, onTimelineShortcuts } from '../timeline/shortcuts.ts';
import { initialWindow } from '../timeline/time-window.ts';
import { Timeline } from '../timeline/timeline.tsx';
import {
  atMs,
  camera as chosenCamera,
  clip,
  fromMs,
  isPlayheadFixed,
  isPlaying,
  LEAD_MS,
  play,
  seek,
  selectCamera,
  showWindow,
  spans,
  syncedCameras,
  toggleSynced,
  toMs,
} from '../timeline/view.ts';
import { useMedia } from '../ui/browser/use-media.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { number } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { recordingsWords } from '../words/recordings.ts';
import { MINUTE_MS } from '../words/units.ts';
import { RecordedTool } from './features/parts.ts';

/** Two lines of text at the usual size; large letters are higher than the picture. */
const TEXT_PX = 44;

interface Entry {
  readonly name: string;
  readonly title: string;
}

interface RecordedCameraProps {
  readonly name: string;
  readonly title: string;
  /** Undefined: not a camera any more. */
  readonly camera: Camera | undefined;
  /** Oldest first; undefined until the first response. */
  readonly known: readonly Span[] | undefined;
  /** Whether the events of all cameras are listed. */
  readonly isOfAll: boolean;
  /** Other cameras with recordings. */
  readonly others: readonly Entry[];
  /** Called when playback is close to the newest recording, or no longer. */
  readonly onNearEnd: (isNear: boolean) => void;
  readonly chooser: ComponentChildren;
}

const NEAR_END_MS = 20_000;
const Keys = lazyPart(() => import('./keyboard-help.tsx').then((part) => part.RecordingKeys));

/** A phone in landscape. */
const LOW = '(orientation: landscape) and (max-height: 500px)';
const SIDEWAYS = `(min-width: 820px), ${LOW}`;

export function RecordedCamera(props: RecordedCameraProps) {
  const { name, title, camera, known, isOfAll, others, onNearEnd, chooser } = props;
  const here = route.value;
  const card = here.page === 'recordings' ? here.card : undefined;
  const all = isOfAll ? { all: true as const } : {};
  /** What the address keeps besides the moment. */
  const kept = { ...all, ...cardInAddress(card, cardMode.value) };
  useCardMode(card, here.page === 'recordings' && here.sync === true);
  const isLying = useMedia(SIDEWAYS);
  const isLow = useMedia(LOW);
  const laneHeight = useLaneHeight();
  const goWithin = (path: string, ms: number) => {
    if (path === name) {
      seek(ms);
    } else {
      // The mode may just have changed.
      replaceRoute(recordingsLink(path, { atMs: ms, ...all, ...cardInAddress(card, cardMode.peek()) }));
    }
  };
  /** Another event is not of the card. */
  const goTo = (path: string, ms: number) => {
    if (card === undefined) {
      goWithin(path, ms);
    } else {
      replaceRoute(recordingsLink(path, { atMs: ms, ...all }));
    }
  };
  const playFrom = (path: string, ms: number) => {
    play();
    goTo(path, ms);
  };
  const playWithin = (path: string, ms: number) => {
    play();
    goWithin(path, ms);
  };
  const [failure, setFailure] = useState<PlaybackFailure | 'blind'>();
  useView(name, known, isLying);
  useMomentInAddress(name, kept);
  useEffect(() => setFailure(undefined), [name]);
  const isNearEnd = (known?.at(-1)?.endMs ?? 0) - (atMs.value ?? 0) < NEAR_END_MS;
  const isKnown = known !== undefined;
  useEffect(() => {
    // The next camera's ranges are unknown until they are loaded; the running one is not reloaded.
    if (isKnown) {
      onNearEnd(isNearEnd);
    }
  }, [isKnown, isNearEnd]);
  const goToEvent = isOfAll ? eventOfAll(name, goTo) : mayPlayBack(name) ? eventOf(name, goTo) : undefined;
  useEffect(() => onTimelineShortcuts((by) => goToEvent?.(by)), [name, isOfAll, card, goToEvent === undefined]);
  const names = useRef<HTMLUListElement>(null);
  // A low window has room for one lane; the chooser leads to the other cameras.
  const lanes = [{ name, title }, ...(isLow ? [] : others)].map(laneCamera);
  const onLane = (other: string, isSynced: boolean) => {
    if (isSynced) {
      toggleSynced(other);
    } else {
      const at = atMs.peek();
      location.hash = recordingsLink(other, {
        ...(at === undefined ? {} : { atMs: at }),
        ...(isOfAll ? { all: true } : {}),
      });
    }
  };
  const live = camera && (
    <a class="chip tap go-live" href={cameraLink(name)}>
      {recordingsWords.value.goLive}
    </a>
  );
  // An upright phone has room for the list or the timeline; a selection needs the timeline.
  const isListed = !isLying && isOfAll && !clip.value;
  const codec = (camera && videoCodec(camera.main)) ?? '?';
  const following = syncedCameras.value.filter((one) => others.some((other) => other.name === one));
  // An upright phone has room for one synced camera, and for none above the list.
  const room = isLying ? 3 : isListed ? 0 : 1;
  const synced = room === 0 ? [] : following.slice(-room);
  return (
    <div class="recorded" data-axis={isLying ? 'x' : 'y'}>
      <header class="top">
        {chooser}
        <ClipsChip />
        <DayChip name={name} all={isOfAll ? [name, ...others.map((one) => one.name)] : undefined} />
      </header>
      <MissingDisk />
      <AwayBox name={name} />
      {card !== undefined && <CardPlayback {...{ id: card, name, room }} onGo={playWithin} />}
      <div class="viewing">
        <Viewer
          {...{ name, title, known, isOfAll, codec }}
          onGo={(ms) => playFrom(name, ms)}
          onFailure={setFailure}
          besides={(isLying && !isLow) || isOfAll || others.length === 0 ? undefined : <SyncChoice cameras={others} />}
        >
          {synced.map((one) => (
            <SyncedRecording key={one} name={one} title={others.find((other) => other.name === one)?.title ?? one} />
          ))}
        </Viewer>
        {isLying && <DayList name={name} isOfAll={isOfAll} onGo={playFrom} />}
      </div>
      {failure !== undefined && <Failure why={failure} codec={codec} />}
      {isListed ? (
        <DayList name={name} isOfAll onGo={playFrom} />
      ) : (
        <div class="timeline">
          {!isLying && !clip.value && live}
          {isLying && !isLow && <LaneNames cameras={lanes} laneHeight={laneHeight} onLane={onLane} list={names} />}
          <Timeline
            axis={isLying ? 'x' : 'y'}
            cameras={lanes}
            laneHeight={laneHeight}
            onLane={onLane}
            onScroll={(byPx) => scrollNames(names.current, byPx)}
          >
            {!isLying && <EventThumbnails name={name} />}
            <ClipHandles axis={isLying ? 'x' : 'y'} name={name} />
          </Timeline>
        </div>
      )}
      <Help hasEvents={goToEvent !== undefined} />
      <PlaybackControls onEvent={goToEvent}>
        <ClipTools name={name} title={title} />
        {isLying && !clip.value && live}
      </PlaybackControls>
    </div>
  );
}

const cardInAddress = (card: string | undefined, mode: 'turn' | 'sync') =>
  card === undefined ? {} : { card, ...(mode === 'sync' ? { sync: true as const } : {}) };

/** An address of a card in sync plays it so. */
function useCardMode(card: string | undefined, isSync: boolean): void {
  useEffect(() => {
    if (isSync) {
      cardMode.value = 'sync';
    }
  }, [card, isSync]);
}

/** CSS pixels: high enough for the name, and for a touch target. */
const useLaneHeight = (): number => Math.max(useMedia('(pointer: coarse)') ? 44 : 28, 28 * textScale());

/** `?` shows the shortcuts. */
function Help({ hasEvents }: { readonly hasEvents: boolean }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => onShortcuts({ '?': () => setOpen(true) }), []);
  return isOpen ? <Keys hasEvents={hasEvents} onClosed={() => setOpen(false)} /> : null;
}

type ViewerProps = Pick<RecordedCameraProps, 'name' | 'title' | 'known' | 'isOfAll'> & {
  readonly onGo: (ms: number) => void;
  readonly codec: string;
  readonly onFailure: (why: PlaybackFailure | 'blind' | undefined) => void;
  /** Buttons on the picture. */
  readonly besides: ComponentChildren;
  /** Cameras that play in sync. */
  readonly children: readonly ComponentChildren[];
};

/** The picture, and those in sync, once the ranges are known. */
function Viewer({ name, title, known, isOfAll, codec, onGo, onFailure, besides, children }: ViewerProps) {
  // Next to another picture, each has its name.
  const caption = isOfAll || children.length > 0 ? title : undefined;
  const { noRecordingsOf } = recordingsWords.value;
  return (
    <div class="viewer" data-count={1 + children.length}>
      {known === undefined ? (
        <div class="recording-screen skeleton picture-shape" />
      ) : known.length === 0 ? (
        <div class="recording-screen picture-shape">
          <p class="over-picture">{noRecordingsOf(title)}</p>
        </div>
      ) : (
        <RecordedPicture
          {...{ name, caption, onFailure }}
          key={name}
          onSoundOnly={() => !canDecode(codec) && onFailure('blind')}
        >
          {besides}
          {RecordedTool && <RecordedTool name={name} onGo={onGo} />}
          <SnapshotButton title={title} />
        </RecordedPicture>
      )}
      {children}
    </div>
  );
}

/** @returns false if there is nothing to scroll */
function scrollNames(names: HTMLElement | null, byPx: number): boolean {
  names?.scrollBy(0, byPx);
  return names !== null && names.scrollHeight > names.clientHeight;
}

function laneCamera({ name, title }: Entry): LaneCamera {
  const since = cameras.value?.find((one) => one.name === name)?.main.offlineSince ?? undefined;
  return { name, title, offlineSinceMs: since === undefined ? undefined : Date.parse(since) };
}

const Failure = ({ why, codec }: { readonly why: PlaybackFailure | 'blind'; readonly codec: string }) => {
  const { cannotPlayRecording } = recordingsWords.value;
  return (
    <p class="hint bad" role="alert">
      <Icon name="alert" small />
      <span>
        {why === 'blind' || (why !== 'gone' && !canDecode(codec))
          ? cannotPlayRecording(codec)
          : playbackFailureText(why)}
      </span>
    </p>
  );
};

/** Shows this camera at the moment of the address, else shortly before the newest recording. */
function useView(name: string, known: readonly Span[] | undefined, isLying: boolean): void {
  const here = route.value;
  const [first] = useState(() => ({ isIt: chosenCamera.peek() === undefined }));
  useLayoutEffect(() => selectCamera(name), [name]);
  useLayoutEffect(() => {
    spans.value = known ?? [];
  }, [name, known]);
  useLayoutEffect(() => {
    isPlayheadFixed.value = !isLying;
    const marked = clip.peek();
    if (marked) {
      zoomToClip(marked);
    } else {
      showWindow(initialWindow(known ?? [], isLying, atMs.peek() ?? Date.now()));
    }
  }, [isLying]);
  useEffect(() => {
    if (here.page !== 'recordings' || !known || (here.camera !== undefined && here.camera !== name)) {
      return;
    }
    const { atMs: linked, agoS } = here;
    const ms = linked ?? momentAgo(known, agoS ?? MINUTE_MS / 1000) ?? Date.now();
    const isNamed = linked !== undefined || agoS !== undefined;
    // A moment without recordings is reported; playback would jump to the next recording.
    seek(ms, first.isIt ? isNamed && !isGone(known, ms) : isPlaying.peek());
    first.isIt = false;
  }, [here, name, known === undefined]);
}

/** Goes to an adjacent event. A new request aborts the former one. */
function eventTo<E>(
  find: (ms: number, by: -1 | 1, signal: AbortSignal) => Promise<E | undefined>,
  go: (event: E) => void,
): (by: -1 | 1) => void {
  return async (by) => {
    lastRequest.abort();
    lastRequest = new AbortController();
    const { signal } = lastRequest;
    const event = await find(atMs.peek() ?? Date.now(), by, signal).catch(() => null);
    if (event && !signal.aborted) {
      go(event);
    } else if (event === undefined && !signal.aborted) {
      toast(recordingsWords.peek().noEventThere);
    }
  };
}

const eventOf = (name: string, goTo: (path: string, ms: number) => void) =>
  eventTo(findAdjacentMark.bind(undefined, name), ({ startMs }) => goTo(name, startMs - LEAD_MS));

/** Goes to an adjacent event in the list of all cameras, which may be filtered. */
const eventOfAll = (name: string, goTo: (path: string, ms: number) => void) =>
  eventTo(findAdjacentEvent.bind(undefined, name), ({ path, startMs }) => goTo(path, startMs - LEAD_MS));

let lastRequest = new AbortController();

/** Browsers limit history changes to a hundred in half a minute. */
const EVERY_MS = 1_000;

/** The address follows the picture and the selection. */
function useMomentInAddress(
  name: string,
  kept: { readonly all?: true; readonly card?: string; readonly sync?: true },
): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const write = () => {
      timer = undefined;
      if (history.state?.sheet) {
        // The present history entry belongs to a sheet. Closing it restores the entry of the page.
        timer = setTimeout(write, EVERY_MS);
        return;
      }
      const [ms, marked] = [atMs.peek(), clip.peek()];
      if (ms !== undefined) {
        replaceAddress(recordingsLink(name, { atMs: ms, ...kept, ...(marked ? { clip: marked } : {}) }));
      }
    };
    const stop = effect(() => {
      atMs.value;
      clip.value;
      timer ??= setTimeout(write, EVERY_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [name, kept.all, kept.card, kept.sync]);
}

/** A codec string for each codec, which stands for all its profiles. */
const CODEC_STRINGS = new Map([
  ['H.265', 'hvc1.1.6.L120.B0'],
  ['AV1', 'av01.0.04M.08'],
  ['VP8', 'vp08.00.10.08'],
  ['VP9', 'vp09.00.10.08'],
  ['M-JPEG', 'mp4v.6C'],
  ['MPEG-4', 'mp4v.20.9'],
]);

/** Whether the browser could play it. */
function canDecode(codec: string): boolean {
  const codecs = CODEC_STRINGS.get(codec);
  return codecs === undefined || document.createElement('video').canPlayType(`video/mp4; codecs="${codecs}"`) !== '';
}

/** Thumbnails of events along the upright timeline. They ignore pointers; a tap on the timeline goes to the event. */
function EventThumbnails({ name }: { readonly name: string }) {
  const { language } = i18n();
  const whole = useRef<HTMLDivElement>(null);
  const window = { fromMs: fromMs.value, toMs: toMs.value };
  const length = window.toMs - window.fromMs;
  if (!mayPlayBack(name) || clip.value) {
    return null;
  }
  const px = whole.current?.clientHeight || 400;
  // Minimum distance between thumbnails.
  const room = (Math.max(58, TEXT_PX * textScale()) / px) * length;
  const at = atMs.value ?? window.toMs;
  const shown = groupEvents(laneFor(name, window).events, room, at, LEAD_MS).filter(
    ({ mark: { startMs } }) => startMs > window.fromMs - room && startMs < window.toMs + room,
  );
  return (
    <div class="event-thumbnails" ref={whole} aria-hidden="true">
      {shown.map(({ mark, more }) => (
        <div
          key={`${mark.id} ${mark.startMs}`}
          style={{ transform: `translateY(${px * (1 - (mark.startMs - window.fromMs) / length)}px)` }}
        >
          <Thumbnail name={name} ms={mark.startMs} />
          <EventCaption event={mark} language={language} />
          {more > 0 && <span class="dim digits more-events">+{number(more, 0, language)}</span>}
        </div>
      ))}
    </div>
  );
}
