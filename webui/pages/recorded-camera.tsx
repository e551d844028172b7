import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { mayPlayBack, type Span } from '../box/recordings.ts';
import { cameras } from '../cameras/cameras.ts';
import { type Camera, videoCodec } from '../cameras/pair.ts';
import { ClipEdges } from '../clips/clip-edges.tsx';
import { ClipTools } from '../clips/clip-tools.tsx';
import { DayChip } from '../clips/day-chip.tsx';
import { EventPictures } from '../clips/event-pictures.tsx';
import { EventsList } from '../clips/events-list.tsx';
import { SnapshotButton } from '../clips/snapshot-button.tsx';
import { Icon } from '../parts/icon.tsx';
import { toast } from '../parts/toast.tsx';
import { Transport } from '../parts/transport.tsx';
import { useMedia } from '../parts/use-media.ts';
import { DiskAway } from '../playback/disk-away.tsx';
import { Follower } from '../playback/follower.tsx';
import type { WhyNot } from '../playback/next-try.ts';
import { RecordedPicture } from '../playback/recorded-picture.tsx';
import { whyNotWords } from '../playback/why-not-words.ts';
import { cameraLink, place, recordingsLink } from '../route.ts';
import { onTimelineKeys } from '../timeline/keys.ts';
import { LaneNames } from '../timeline/lane-names.tsx';
import { findMark } from '../timeline/marks.ts';
import { momentAgo } from '../timeline/pieces.ts';
import { windowOf } from '../timeline/scale.ts';
import type { LaneCamera } from '../timeline/scene.ts';
import { Timeline } from '../timeline/timeline.tsx';
import {
  atMs,
  choose,
  camera as chosenCamera,
  clip,
  fixedPlayhead,
  followers,
  isPlaying,
  LEAD_MS,
  seek,
  show,
  spans,
  toggleFollower,
} from '../timeline/view.ts';
import { recordingsWords } from '../words/recordings.ts';
import { canDecode } from './can-decode.ts';
import { useMomentInAddress } from './moment-in-address.ts';

interface Entry {
  readonly name: string;
  readonly title: string;
}

interface RecordedCameraProps {
  readonly name: string;
  readonly title: string;
  /** Undefined: it is no camera any more. */
  readonly camera: Camera | undefined;
  /** At least one, oldest first. */
  readonly known: readonly Span[];
  /** What else has recordings. */
  readonly others: readonly Entry[];
  /** Told whether what plays has nearly reached the newest. */
  readonly onNearEnd: (isNear: boolean) => void;
  readonly chooser: ComponentChildren;
}

const NEAR_END_MS = 20_000;
const MINUTE_MS = 60_000;
const UPRIGHT_WINDOW_MS = 75 * MINUTE_MS;
const LYING_WINDOW_MS = 240 * MINUTE_MS;
const SIDEWAYS = '(min-width: 820px), (orientation: landscape) and (max-height: 500px)';

export function RecordedCamera({ name, title, camera, known, others, onNearEnd, chooser }: RecordedCameraProps) {
  const isLying = useMedia(SIDEWAYS);
  const laneHeight = useMedia('(pointer: coarse)') ? 44 : 28;
  const [failure, setFailure] = useState<WhyNot | 'blind'>();
  useView(name, known, isLying);
  useMomentInAddress(name);
  const newestMs = known.at(-1)?.endMs ?? 0;
  const isNearEnd = newestMs - (atMs.value ?? 0) < NEAR_END_MS;
  useEffect(() => onNearEnd(isNearEnd), [isNearEnd]);
  const goToEvent = mayPlayBack(name) ? eventOf(name) : undefined;
  useEffect(() => onTimelineKeys((by) => goToEvent?.(by)), [name, goToEvent === undefined]);
  const lanes = [{ name, title }, ...others].map(laneCamera);
  const onLane = (other: string, isInStep: boolean) => {
    if (isInStep) {
      toggleFollower(other);
    } else {
      location.hash = recordingsLink(other, { ...(atMs.peek() === undefined ? {} : { atMs: atMs.peek() ?? 0 }) });
    }
  };
  const live = camera && (
    <a class="chip tap go-live" href={cameraLink(name)}>
      {recordingsWords.value.goLive}
    </a>
  );
  const codec = (camera && videoCodec(camera.main)) ?? '?';
  const inStep = isLying ? followers.value.filter((one) => others.some((other) => other.name === one)) : [];
  return (
    <div class="recorded" data-axis={isLying ? 'x' : 'y'}>
      <header class="top">
        {chooser}
        <DayChip name={name} />
      </header>
      <DiskAway />
      <div class="viewing">
        <div class="viewer" data-count={1 + inStep.length}>
          <RecordedPicture name={name} onFailure={setFailure} onBlind={() => !canDecode(codec) && setFailure('blind')}>
            <SnapshotButton title={title} />
          </RecordedPicture>
          {inStep.map((one) => (
            <Follower key={one} name={one} title={others.find((other) => other.name === one)?.title ?? one} />
          ))}
        </div>
        {isLying && <EventsList name={name} />}
      </div>
      {failure !== undefined && <Failure why={failure} codec={codec} />}
      <div class="timeline">
        {!isLying && !clip.value && live}
        {isLying && <LaneNames cameras={lanes} laneHeight={laneHeight} onLane={onLane} />}
        <Timeline axis={isLying ? 'x' : 'y'} cameras={lanes} laneHeight={laneHeight} onLane={onLane}>
          {!isLying && <EventPictures name={name} />}
          <ClipEdges axis={isLying ? 'x' : 'y'} name={name} />
        </Timeline>
      </div>
      <Transport onEvent={goToEvent}>
        <ClipTools name={name} title={title} />
        {isLying && !clip.value && live}
      </Transport>
    </div>
  );
}

function laneCamera({ name, title }: Entry): LaneCamera {
  const since = cameras.value?.find((one) => one.name === name)?.main.offlineSince ?? undefined;
  return { name, title, offlineSinceMs: since === undefined ? undefined : Date.parse(since) };
}

const Failure = ({ why, codec }: { readonly why: WhyNot | 'blind'; readonly codec: string }) => {
  const { cannotPlayRecording } = recordingsWords.value;
  return (
    <p class="hint bad" role="alert">
      <Icon name="alert" small />
      <span>
        {why === 'blind' || (why !== 'gone' && !canDecode(codec)) ? cannotPlayRecording(codec) : whyNotWords(why)}
      </span>
    </p>
  );
};

/** The view is that of this camera, at the moment that the address names; else shortly before the newest. */
function useView(name: string, known: readonly Span[], isLying: boolean): void {
  const here = place.value;
  const [isFirst] = useState(() => chosenCamera.peek() === undefined);
  useLayoutEffect(() => choose(name), [name]);
  useLayoutEffect(() => {
    spans.value = known;
  }, [known]);
  useLayoutEffect(() => {
    fixedPlayhead.value = isLying ? undefined : 0.5;
    const at = atMs.peek() ?? known.at(-1)?.endMs ?? 0;
    show(windowOf(isLying ? LYING_WINDOW_MS : UPRIGHT_WINDOW_MS, at, isLying ? 0.85 : 0.5));
  }, [isLying]);
  useEffect(() => {
    if (here.page === 'recordings' && here.camera !== undefined && here.camera !== name) {
      return;
    }
    const { atMs: linked, agoS } = here.page === 'recordings' ? here : {};
    const ms = linked ?? momentAgo(known, agoS ?? MINUTE_MS / 1000) ?? 0;
    const isNamed = linked !== undefined || agoS !== undefined;
    seek(Math.max(ms, known[0]?.startMs ?? ms), isFirst ? isNamed : isPlaying.peek());
  }, [here]);
}

/** The one that was asked for last counts. */
function eventOf(name: string): (by: -1 | 1) => void {
  return async (by) => {
    lastWish.abort();
    lastWish = new AbortController();
    const { signal } = lastWish;
    // The strip above says when the box does not answer.
    const mark = await findMark(name, atMs.peek() ?? Date.now(), by, signal).catch(() => null);
    if (mark && !signal.aborted) {
      seek(mark.startMs - LEAD_MS);
    } else if (mark === undefined && !signal.aborted) {
      toast(recordingsWords.peek().noEventThere);
    }
  };
}

let lastWish = new AbortController();
