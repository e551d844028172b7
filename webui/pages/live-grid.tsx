import { Fragment, type RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { isOwner } from '../api-client/session.ts';
import type { Camera } from '../cameras/camera.ts';
import { type Arrangement, type Layout, narrowLayout, tileSize, wideLayout } from '../cameras/layout.ts';
import type { Section } from '../cameras/sections.ts';
import { GridCell } from '../live/tile-cell.tsx';
import { useMedia } from '../ui/browser/use-media.ts';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { liveWords } from '../words/words.ts';

/** Gap and margin in wide windows, as in the style. */
const GAP_PX = 10;
const EDGE_PX = 24;
/** Smaller rows are useless: the window scrolls. */
const ROW_PX = 120;

/** Loaded after the first pictures. */
const SPEAKS_AFTER_MS = 3_000;
const CameraAnnouncements = lazyPart(() =>
  import('../live/announcements.tsx').then((part) => part.CameraAnnouncements),
);

const TileOrder = lazyPart(() => import('../live/tile-order.tsx').then((part) => part.TileOrder));

interface GridProps {
  readonly sections: readonly Section<Camera>[];
  readonly arrangement: Arrangement;
}

/** The cameras as tiles, in a fixed order, below the headings of their groups. */
export function LiveGrid({ sections, arrangement }: GridProps) {
  const grid = useRef<HTMLDivElement>(null);
  const cameras = sections.flatMap((section) => section.cameras);
  const isUpright = useMedia('(orientation: portrait)');
  const hasGroups = sections.some(({ name }) => name !== undefined);
  const layout = wideLayout(cameras.length, arrangement, isUpright, hasGroups);
  const last = lastOf(layout, cameras.length);
  useTileSize(grid, layout);
  const [speaks, setSpeaks] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSpeaks(true), SPEAKS_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <>
      {speaks && <CameraAnnouncements cameras={cameras} />}
      {isOwner.value && speaks && <TileOrder grid={grid} sections={sections} />}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links within */}
      <div ref={grid} onKeyDown={(event) => onArrow(event, grid.current)}>
        {sections.map(({ name, cameras: shown }) => (
          <Fragment key={name}>
            {name !== undefined && (
              <h2>
                <bdi>{name || liveWords.value.otherCameras}</bdi>
              </h2>
            )}
            <div
              class="grid"
              data-narrow={narrowLayout(cameras.length, arrangement, hasGroups)}
              data-large={layout.large}
              data-last={last}
              style={last === undefined ? undefined : { '--last': last }}
              data-columns={layout.columns}
            >
              {shown.map((camera) => (
                <GridCell key={camera.name} camera={camera} isAlone={cameras.length === 1} />
              ))}
            </div>
          </Fragment>
        ))}
      </div>
    </>
  );
}

/** The tiles of a last row that is not full, which are in its middle. */
function lastOf({ columns, rows, large }: Layout, count: number): number | undefined {
  const places = count + 3 * large;
  return rows !== undefined && places <= rows * columns ? places % columns || undefined : undefined;
}

/** Passes the tile size of wide windows to the style, on each resize. */
function useTileSize(grid: RefObject<HTMLDivElement | null>, layout: Layout): void {
  const { columns, rows } = layout;
  useLayoutEffect(() => {
    const element = grid.current;
    if (!element) {
      return undefined;
    }
    const measure = () => {
      const top = element.getBoundingClientRect().top + window.scrollY;
      const below = (element.nextElementSibling?.clientHeight ?? 0) + EDGE_PX;
      const least = (rows ?? 1) * (ROW_PX + GAP_PX);
      const room = {
        width: element.clientWidth - 2 * EDGE_PX,
        height: Math.max(least, window.innerHeight - top - below),
      };
      const { width, height } = tileSize(room, layout, GAP_PX);
      element.style.setProperty('--columns', String(columns));
      element.style.setProperty('--room', rows === undefined ? '0px' : `${Math.floor(room.height) + EDGE_PX}px`);
      element.style.setProperty('--tile-width', `${Math.floor(width)}px`);
      element.style.setProperty('--tile-height', `${Math.floor(height)}px`);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.documentElement);
    observer.observe(element);
    return () => observer.disconnect();
  }, [grid, columns, rows]);
}

/** Arrow keys focus the neighbour. Loaded by the first of them. */
function onArrow(event: KeyboardEvent, grid: HTMLElement | null): void {
  const { key, target } = event;
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  if (grid && !hasModifier && key.startsWith('Arrow') && target instanceof Element && target.matches('.tile')) {
    event.preventDefault();
    import('../live/grid-keys.ts').then(
      ({ focusNeighbour }) => focusNeighbour(grid, key),
      () => {},
    );
  }
}
