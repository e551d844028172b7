import { computed, effect, signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { nowMs } from '../shell/page-state.ts';
import { momentSeconds } from '../words/dates.ts';
import { i18n } from '../words/i18n.ts';
import { recordingsWords } from '../words/recordings.ts';
import { shareOf } from './draw.ts';
import { FramePreview } from './frame-preview.ts';
import { isCovered } from './lane.ts';
import { laneFor } from './lane-data.ts';
import { cardSourceAt, recordedNow } from './scene.ts';
import { fromMs, scrubMs, toMs } from './view.ts';

const WIDTH = 168;
/** Delay, so that a passing pointer loads nothing. */
const REST_MS = 60;

/** Preview above the pointer. */
export function HoverPreview({ along, camera }: { readonly along: number; readonly camera: string | undefined }) {
  const ms = scrubMs.value === undefined ? hoverMs.value : undefined;
  const bubble = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // Sits between the picture and the axis, so that no control is covered.
    const between = bubble.current?.closest('.recorded')?.querySelector('.transport')?.clientHeight ?? 0;
    bubble.current?.style.setProperty('bottom', `calc(100% + ${between}px)`);
  });
  if (ms === undefined || camera === undefined) {
    return null;
  }
  const window = { fromMs: fromMs.value, toMs: toMs.value };
  const px = shareOf(window, ms) * along;
  const source = cardSourceAt(camera, ms);
  const left = Math.min(Math.max(px - WIDTH / 2, 0), Math.max(0, along - WIDTH));
  return (
    <>
      <div class="hover-line" style={{ transform: `translateX(${px}px)` }} />
      <div
        class="bubble"
        ref={bubble}
        style={{ transform: `translateX(${left}px)`, width: `${WIDTH}px` }}
        aria-hidden="true"
      >
        <HoverStill camera={camera} />
        <b class="digits">
          {momentSeconds(ms, nowMs.value, i18n())}
          {isCovered(laneFor(camera, window).archived, ms) && recordingsWords.value.inArchive}
          {source !== undefined && ` · ${source}`}
        </b>
      </div>
    </>
  );
}

function HoverStill({ camera }: { readonly camera: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const { current } = canvas;
    if (!current) {
      return undefined;
    }
    const stills = new FramePreview(current, () => {
      current.dataset['has'] = '';
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = effect(() => {
      const ms = hoverMs.value;
      clearTimeout(timer);
      if (ms !== undefined && isCovered(recordedNow(), ms)) {
        timer = setTimeout(() => stills.ask(camera, gridMoment(ms)), REST_MS);
      }
    });
    return () => {
      stop();
      clearTimeout(timer);
      stills.forget();
    };
  }, [camera]);
  return <canvas ref={canvas} />;
}

/** Rounds a moment, so that neighbours share a preview. */
export function gridMoment(ms: number): number {
  const grid = Math.max(1_000, (toMs.peek() - fromMs.peek()) / 500);
  const onGrid = Math.floor(ms / grid) * grid;
  return isCovered(recordedNow(), onGrid) ? onGrid : ms;
}

/** Position of the pointer as a share of the timeline. It stays while the window moves or zooms. */
export const hoverShare = signal<number | undefined>(undefined);

/** The moment under the pointer. */
export const hoverMs = computed(() =>
  hoverShare.value === undefined ? undefined : fromMs.value + hoverShare.value * (toMs.value - fromMs.value),
);
