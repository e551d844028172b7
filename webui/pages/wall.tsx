import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Layout } from '../api-client/api-types.ts';
import { LAYOUTS_ADDRESS } from '../api-client/early-answers.ts';
import { usePolled } from '../api-client/use-polled.ts';
import { type Camera, canPlay, videoCodec } from '../cameras/camera.ts';
import { watchable } from '../cameras/cameras.ts';
import { tileSize } from '../cameras/layout.ts';
import type { TileSize } from '../cameras/layouts.ts';
import { spansOf, wallLayout } from '../cameras/wall-layout.ts';
import { Empty } from '../live/notices.tsx';
import { Tile, tilePath, wantsSound } from '../live/tile.tsx';
import { useHandedPlayer } from '../player/picture.tsx';
import { LIVE, route, wallLink } from '../shell/route.ts';
import { keepScreenAwake } from '../ui/browser/wake-lock.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { wallWords } from '../words/walls.ts';
import { liveWords, words } from '../words/words.ts';

const GAP_PX = 4;
const WANDER_MS = 60_000;
const TOUCHED_MS = 3_000;
/** Offsets of the picture around its centre, one pixel at a time, against burn-in. */
const STEPS = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
  [-1, 1],
  [-1, 0],
  [-1, -1],
  [0, -1],
  [1, -1],
] as const;

interface WallTileItem {
  readonly camera: Camera;
  readonly size: TileSize;
}

/** All cameras, or the wall of the address. */
export function WallPage() {
  const here = route.value;
  const wall = here.page === 'wall' ? here.wall : undefined;
  return wall === undefined ? (
    <Wall name={liveWords.value.wall} tiles={(watchable.value ?? []).map((camera) => ({ camera, size: 'small' }))} />
  ) : (
    <SavedWall key={wall} address={wall} />
  );
}

/** A screen follows changes of its wall, and a new name. */
function SavedWall({ address }: { readonly address: string }) {
  const { value } = usePolled<{ readonly items: readonly Layout[] }>(LAYOUTS_ADDRESS, 'normal');
  const all = watchable.value;
  const items = value?.items ?? [];
  const layout = items.find(({ name }) => name === address) ?? items.find((one) => one.formerNames.includes(address));
  const tiles = (layout?.cameras ?? []).flatMap(({ path, size }): WallTileItem[] => {
    const camera = all?.find(({ name }) => name === path);
    return camera ? [{ camera, size }] : [];
  });
  if (!value || !all || tiles.length > 0) {
    return <Wall name={layout?.name ?? address} tiles={tiles} />;
  }
  const t = wallWords.value;
  return (
    <div class="camera-view wall-gone">
      <Empty title={layout ? t.wallEmpty : t.wallDeleted} text={layout ? t.wallEmptyText : t.wallDeletedText}>
        <a class="button main" href={wallLink()}>
          {t.showAll}
        </a>
        <a class="text" href={LIVE}>
          {words.value.live}
        </a>
      </Empty>
    </div>
  );
}

/** The grid without controls and pointer. Esc returns, and so does a button after a tap. */
function Wall({ name, tiles }: { readonly name: string; readonly tiles: readonly WallTileItem[] }) {
  const wall = useRef<HTMLDivElement>(null);
  const sizes = tiles.map(({ size }) => size);
  const spans = spansOf(sizes);
  useWallSize(wall, sizes);
  useWander(wall);
  useEffect(() => {
    const stop = new AbortController();
    keepScreenAwake(stop.signal);
    return () => stop.abort();
  }, []);
  const isTouched = useTouched();
  return (
    <div class="camera-view wall">
      <h1 class="visually-hidden">{name}</h1>
      <div class="wall-grid" ref={wall}>
        {tiles.map(({ camera }, i) => (
          <div key={camera.name} class={spans[i] === 2 ? 'large' : undefined}>
            <WallTile
              camera={camera}
              isSharp={tiles.length === 1 || (spans[i] === 2 && isPlayableEverywhere(camera))}
            />
          </div>
        ))}
      </div>
      <a class={isTouched ? 'round wall-back shown' : 'round wall-back'} href={LIVE} aria-label={words.value.back}>
        <Icon name="back" />
      </a>
    </div>
  );
}

/** Whether every browser plays the main stream, so that a large tile need not use the sub stream. */
const isPlayableEverywhere = ({ main }: Camera): boolean => canPlay(main) && videoCodec(main) === 'H.264';

/** @param isSharp whether it plays the main stream */
function WallTile({ camera, isSharp }: { readonly camera: Camera; readonly isSharp: boolean }) {
  const { name } = tilePath(camera, isSharp);
  const handed = useHandedPlayer({ name, camera: camera.name, wantsSound: wantsSound(camera, isSharp, false) });
  return <Tile camera={camera} isAlone={isSharp} handed={{ ...handed, transition: undefined }} isWall />;
}

/** All tiles at once, as large as possible. */
function useWallSize(wall: RefObject<HTMLDivElement | null>, sizes: readonly TileSize[]): void {
  useLayoutEffect(() => {
    const measure = () => {
      const room = { width: window.innerWidth, height: window.innerHeight };
      const layout = wallLayout(sizes, room);
      const { width, height } = tileSize(room, layout, GAP_PX);
      wall.current?.style.setProperty('--columns', String(layout.columns));
      wall.current?.style.setProperty('--tile-width', `${Math.floor(width)}px`);
      wall.current?.style.setProperty('--tile-height', `${Math.floor(height)}px`);
    };
    measure();
    window.addEventListener('resize', measure);
    return () => window.removeEventListener('resize', measure);
  }, [wall, sizes.join()]);
}

function useWander(wall: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    let step = 0;
    const timer = setInterval(() => {
      step = (step + 1) % STEPS.length;
      const [x, y] = STEPS[step] ?? STEPS[0];
      wall.current?.style.setProperty('translate', `${x}px ${y}px`);
    }, WANDER_MS);
    return () => clearInterval(timer);
  }, [wall]);
}

/** Shows the button for leaving. */
function useTouched(): boolean {
  const [isTouched, setTouched] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const onTouch = () => {
      clearTimeout(timer);
      setTouched(true);
      timer = setTimeout(() => setTouched(false), TOUCHED_MS);
    };
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === 'Escape') {
        location.hash = LIVE;
      }
    };
    window.addEventListener('pointerdown', onTouch);
    window.addEventListener('keydown', onKey);
    return () => {
      clearTimeout(timer);
      window.removeEventListener('pointerdown', onTouch);
      window.removeEventListener('keydown', onKey);
    };
  }, []);
  return isTouched;
}
