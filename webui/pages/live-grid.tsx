import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Camera } from '../cameras/camera.ts';
import { type Arrangement, type Layout, narrowLayout, tileSize, wideLayout } from '../cameras/layout.ts';
import { GridCell } from '../live/tile-cell.tsx';
import { useMedia } from '../ui/browser/use-media.ts';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';

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

interface GridProps {
  readonly cameras: readonly Camera[];
  readonly arrangement: Arrangement;
}

/** The cameras as tiles, in a fixed order. */
export function LiveGrid({ cameras, arrangement }: GridProps) {
  const grid = useRef<HTMLDivElement>(null);
  const layout = wideLayout(cameras.length, arrangement, useMedia('(orientation: portrait)'));
  useTileSize(grid, layout);
  const [speaks, setSpeaks] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSpeaks(true), SPEAKS_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <>
      {speaks && <CameraAnnouncements cameras={cameras} />}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links within */}
      <div
        class="grid"
        data-narrow={narrowLayout(cameras.length, arrangement)}
        data-led={layout.isLed}
        data-columns={layout.columns}
        ref={grid}
        onKeyDown={(event) => moveFocus(event, grid.current)}
      >
        {cameras.map((camera) => (
          <GridCell key={camera.name} camera={camera} isAlone={cameras.length === 1} />
        ))}
      </div>
    </>
  );
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

/** Arrow keys focus the neighbour, 1 to 9 open a camera. */
function moveFocus(event: KeyboardEvent, grid: HTMLElement | null): void {
  const tiles = [...(grid?.querySelectorAll<HTMLElement>('.tile') ?? [])];
  const at = tiles.indexOf(document.activeElement as HTMLElement);
  const to = neighbour(tiles, at, event.key);
  if (to) {
    to.focus();
    event.preventDefault();
  }
}

/** The tile whose centre is nearest in a direction. */
function neighbour(tiles: readonly HTMLElement[], at: number, key: string): HTMLElement | undefined {
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
  const from = tiles[at];
  if (!way || !from) {
    return undefined;
  }
  const [dx = 0, dy = 0] = way;
  const here = middleOf(from);
  const reach = (tile: HTMLElement) => {
    const { x, y } = middleOf(tile);
    const along = (x - here.x) * dx + (y - here.y) * dy;
    const across = Math.abs((x - here.x) * dy) + Math.abs((y - here.y) * dx);
    return along > 8 ? along + 2 * across : Number.POSITIVE_INFINITY;
  };
  const [nearest] = tiles.map((tile) => ({ tile, px: reach(tile) })).sort((a, b) => a.px - b.px);
  return nearest && nearest.px < Number.POSITIVE_INFINITY ? nearest.tile : undefined;
}

function middleOf(tile: HTMLElement): { readonly x: number; readonly y: number } {
  const { left, top, width, height } = tile.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2 };
}
