import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Camera } from '../cameras/camera.ts';
import { watchable } from '../cameras/cameras.ts';
import { tileSize } from '../cameras/layout.ts';
import { wallLayout } from '../cameras/wall-layout.ts';
import { Tile, tilePath, wantsSound } from '../live/tile.tsx';
import { useHandedPlayer } from '../player/picture.tsx';
import { LIVE } from '../shell/route.ts';
import { keepScreenAwake } from '../ui/browser/wake-lock.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { liveWords, words } from '../words/words.ts';

const GAP_PX = 4;
const WANDER_MS = 60_000;
const TOUCHED_MS = 3_000;
/** Against burn-in: moves around the centre, a pixel at a time. */
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

/** The grid without controls and pointer. Esc returns, and so does a button after a tap. */
export function WallPage() {
  const all = watchable.value ?? [];
  const wall = useRef<HTMLDivElement>(null);
  useWallSize(wall, all.length);
  useWander(wall);
  useEffect(() => {
    const stop = new AbortController();
    keepScreenAwake(stop.signal);
    return () => stop.abort();
  }, []);
  const isTouched = useTouched();
  return (
    <div class="camera-view wall">
      <h1 class="visually-hidden">{liveWords.value.wall}</h1>
      <div class="wall-grid" ref={wall}>
        {all.map((camera) => (
          <WallTile key={camera.name} camera={camera} isAlone={all.length === 1} />
        ))}
      </div>
      <a class={isTouched ? 'round wall-back shown' : 'round wall-back'} href={LIVE} aria-label={words.value.back}>
        <Icon name="back" />
      </a>
    </div>
  );
}

function WallTile({ camera, isAlone }: { readonly camera: Camera; readonly isAlone: boolean }) {
  const { name } = tilePath(camera, isAlone);
  const handed = useHandedPlayer({ name, camera: camera.name, wantsSound: wantsSound(camera, isAlone, false) });
  return <Tile camera={camera} isAlone={isAlone} handed={{ ...handed, transition: undefined }} isWall />;
}

/** All tiles at once, as large as possible. */
function useWallSize(wall: RefObject<HTMLDivElement | null>, count: number): void {
  useLayoutEffect(() => {
    const measure = () => {
      const room = { width: window.innerWidth, height: window.innerHeight };
      const layout = wallLayout(count, room);
      const { width, height } = tileSize(room, layout, GAP_PX);
      wall.current?.style.setProperty('--columns', String(layout.columns));
      wall.current?.style.setProperty('--tile-width', `${Math.floor(width)}px`);
      wall.current?.style.setProperty('--tile-height', `${Math.floor(height)}px`);
    };
    measure();
    window.addEventListener('resize', measure);
    return () => window.removeEventListener('resize', measure);
  }, [wall, count]);
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
