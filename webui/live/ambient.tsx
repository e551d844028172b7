import { useEffect, useRef } from 'preact/hooks';
import type { LivePlayer } from '../player/live-player.ts';

const WIDTH_PX = 32;
const HEIGHT_PX = 18;
const CHANGE_MS = 10_000;
/** Until the first frame. */
const POLL_MS = 500;

/** The picture's colours behind it: a still of 32 × 18, updated every ten seconds. */
export function Ambient({ player }: { readonly player: LivePlayer }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const draw = () => {
      const context = canvas.current?.getContext('2d');
      const hasDrawn = context ? player.surface.drawTo(context, WIDTH_PX, HEIGHT_PX) : false;
      timer = setTimeout(draw, hasDrawn ? CHANGE_MS : POLL_MS);
    };
    draw();
    return () => clearTimeout(timer);
  }, [player]);
  return <canvas class="ambient" width={WIDTH_PX} height={HEIGHT_PX} ref={canvas} />;
}
