import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { cameras as allCameras } from '../cameras/cameras.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { recordingsWords } from '../words/recordings.ts';
import { liveWords } from '../words/words.ts';
import { heightOfLanes, type LaneCamera, rowsOf, textScale } from './scene.ts';
import { lanesScrolledPx, syncedCameras, toggleSynced } from './view.ts';

interface LaneNamesProps {
  /** The chosen camera first. */
  readonly cameras: readonly LaneCamera[];
  readonly laneHeight: number;
  readonly onLane: (name: string, isSynced: boolean) => void;
  /** Element that scrolls if they do not fit. */
  readonly list: RefObject<HTMLUListElement | null>;
}

/** Names next to the lanes. A tap changes the camera, with Shift it plays in sync. */
export function LaneNames({ cameras, laneHeight, onLane, list }: LaneNamesProps) {
  const words = recordingsWords.value;
  const [chosen, ...others] = cameras;
  const rows = rowsOf({ text: textScale(), isStrip: false });
  const height = heightOfLanes(others.length, laneHeight, rows);
  useLayoutEffect(
    () => () => {
      lanesScrolledPx.value = 0;
    },
    [],
  );
  return (
    <ul
      class="lane-names"
      ref={list}
      style={{ height: `${height}px`, scrollPaddingTop: `${rows.chosen}px` }}
      onScroll={({ currentTarget }) => {
        lanesScrolledPx.value = currentTarget.scrollTop;
      }}
    >
      <li style={{ height: `${rows.chosen}px` }} aria-current="true">
        <bdi>{chosen?.title}</bdi>
        {chosen && <Privacy name={chosen.name} />}
      </li>
      {others.map(({ name, title }) => {
        const isSynced = syncedCameras.value.includes(name);
        return (
          <li key={name} style={{ height: `${laneHeight}px` }}>
            <button
              type="button"
              aria-label={[words.shownCamera(title), isPrivate(name) && liveWords.value.privacy]
                .filter(Boolean)
                .join(', ')}
              onClick={({ shiftKey }) => onLane(name, shiftKey)}
            >
              <bdi>{title}</bdi>
              <Privacy name={name} />
            </button>
            <button
              class="sync-toggle"
              type="button"
              aria-pressed={isSynced}
              aria-label={words.playInSync(title)}
              onClick={() => toggleSynced(name)}
            >
              <Icon name="arrange" small />
            </button>
          </li>
        );
      })}
    </ul>
  );
}

const isPrivate = (name: string): boolean =>
  allCameras.value?.some((camera) => camera.name === name && camera.main.privacy) === true;

function Privacy({ name }: { readonly name: string }) {
  return isPrivate(name) ? (
    <>
      <Icon name="eyeOff" small />
      <span class="visually-hidden">{liveWords.value.privacy}</span>
    </>
  ) : null;
}
