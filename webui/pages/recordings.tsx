import { useEffect, useState } from 'preact/hooks';
import { useRecordedNames, useSpans } from '../api-client/recordings/recordings.ts';
import { type Camera, readableName } from '../cameras/camera.ts';
import { cameras } from '../cameras/cameras.ts';
import { ClipsChip } from '../clips/clips-chip.tsx';
import { isLiveOnly, LiveOnly } from '../clips/live-only.tsx';
import { Empty, NoSuchCamera } from '../live/notices.tsx';
import { AwayBox } from '../playback/away-box.tsx';
import { MissingDisk } from '../playback/missing-disk.tsx';
import { lastCamera } from '../shell/navigation.ts';
import { recordingsLink, route } from '../shell/route.ts';
import { momentToKeep } from '../timeline/file-ranges.ts';
import { atMs, camera as chosenCamera, resetView, spans as shownSpans } from '../timeline/view.ts';
import { SearchedChoice } from '../ui/lists/searched-choice.tsx';
import { clipWords } from '../words/clips.ts';
import { recordingsWords } from '../words/recordings.ts';
import { words } from '../words/words.ts';
import { RecordedCamera } from './recorded-camera.tsx';

const REFRESH_MS = 15_000;
/** Playback is close to the end of the known recordings. */
const NEAR_END_REFRESH_MS = 4_000;

/** Recordings: camera chooser and player. */
export function RecordingsPage() {
  const here = route.value;
  const wanted = here.page === 'recordings' ? here.camera : undefined;
  const names = useRecordedNames();
  const entries = entriesOf(names ?? [], cameras.value ?? []);
  const [last] = useState(lastCamera);
  const name = wanted ?? (entries.find((entry) => entry.name === last) ?? entries[0])?.name;
  const camera = (cameras.value ?? []).find((one) => one.name === name);
  const isKnown =
    names && cameras.value && !isLiveOnly(name) && (name === undefined || isNamed(name, names, cameras.value));
  useEffect(() => resetView, []);
  const [isNearEnd, setNearEnd] = useState(false);
  const spans = useSpans(isKnown ? name : undefined, isNearEnd ? NEAR_END_REFRESH_MS : REFRESH_MS);
  const t = recordingsWords.value;
  const isOfAll = here.page === 'recordings' && here.all === true;
  const title = camera?.title ?? (name === undefined ? words.value.recordings : readableName(name));
  if (isLiveOnly(name)) {
    return <LiveOnly name={name} />;
  }
  if (isKnown === false) {
    return <NoSuchCamera />;
  }
  // While a camera is shown, the next one replaces it when loaded.
  const isFirst = chosenCamera.peek() === undefined;
  if (isKnown === undefined || (name !== undefined && spans === undefined && isFirst)) {
    return <Waiting title={wanted === undefined ? words.value.recordings : title} />;
  }
  const chooser = <Cameras name={name} title={title} entries={entries} isOfAll={isOfAll} />;
  if (name === undefined || (!isOfAll && spans?.length === 0)) {
    const empty = name === undefined ? t.noRecordings : t.noRecordingsOf(title);
    return (
      <>
        <header class="top">
          {chooser}
          <ClipsChip />
        </header>
        <MissingDisk />
        {name !== undefined && <AwayBox name={name} />}
        <Empty title={empty} text={t.noRecordingsText} />
      </>
    );
  }
  return (
    <RecordedCamera
      name={name}
      title={title}
      camera={camera}
      known={spans}
      isOfAll={isOfAll}
      others={entries.filter((entry) => entry.name !== name)}
      onNearEnd={setNearEnd}
      chooser={chooser}
    />
  );
}

const Waiting = ({ title }: { readonly title: string }) => (
  <>
    <header class="top">
      <h1>
        <bdi>{title}</bdi>
      </h1>
    </header>
    <MissingDisk />
    <div class="skeleton picture-shape" />
  </>
);

interface Entry {
  readonly name: string;
  readonly title: string;
}

interface CamerasProps {
  readonly name: string | undefined;
  readonly title: string;
  readonly entries: readonly Entry[];
  readonly isOfAll: boolean;
}

/** The chosen camera, or all. */
const ALL = '';

function Cameras({ name, title, entries, isOfAll }: CamerasProps) {
  const isKnown = name === undefined || entries.some((entry) => entry.name === name);
  const options = isKnown ? entries : [{ name, title }, ...entries];
  const t = clipWords.value;
  const heading = (
    <h1 class={options.length > 1 ? 'visually-hidden' : ''}>
      <bdi>{isOfAll ? t.allCameras : title}</bdi>
    </h1>
  );
  if (options.length < 2 || name === undefined) {
    return heading;
  }
  return (
    <>
      {heading}
      <SearchedChoice
        class="title"
        label={recordingsWords.value.camera}
        value={isOfAll ? ALL : name}
        options={[
          { value: ALL, text: t.allCameras },
          ...options.map((entry) => ({ value: entry.name, text: entry.title })),
        ]}
        onChange={(value) => {
          const at = value === ALL ? atMs.peek() : momentToKeep(shownSpans.peek(), atMs.peek());
          const moment = at === undefined ? {} : { atMs: at };
          location.hash = recordingsLink(value || name, { ...moment, ...(value === ALL ? { all: true } : {}) });
        }}
      />
    </>
  );
}

/** A camera, or a path with recordings. */
const isNamed = (name: string, names: readonly string[], all: readonly Camera[]): boolean =>
  names.includes(name) || all.some((camera) => camera.name === name || camera.sub?.name === name);

/** Cameras in their order, then removed ones with recordings. */
function entriesOf(names: readonly string[], all: readonly Camera[]): Entry[] {
  const known = all.filter(({ name }) => names.includes(name));
  const others = names.filter((name) => !all.some((camera) => camera.name === name || camera.sub?.name === name));
  return [
    ...known.map(({ name, title }) => ({ name, title })),
    ...others.map((name) => ({ name, title: readableName(name) })),
  ];
}
