import { useRef } from 'preact/hooks';
import { cameras } from '../cameras/cameras.ts';
import type { Camera } from '../cameras/pair.ts';
import { ClaimNotice, Empty, Warnings } from '../parts/notices.tsx';
import { Tile } from '../parts/tile.tsx';
import { voice } from '../parts/voice.ts';
import { bitRate } from '../words/format.ts';
import { liveWords } from '../words/words.ts';

/** The grid. Tiles stand where they stand: nothing moves them. */
export function LivePage() {
  const words = liveWords.value;
  const all = cameras.value;
  const grid = useRef<HTMLDivElement>(null);
  return (
    <>
      <header class="top">
        <div>
          <h1>{words.home}</h1>
          {all && all.length > 0 && <QuietLine all={all} />}
        </div>
      </header>
      <ClaimNotice />
      <Warnings />
      {all === undefined ? (
        <div class="grid" data-layout="1" aria-hidden="true">
          <div class="tile waiting" />
        </div>
      ) : all.length === 0 ? (
        <Empty title={words.noCameras} text={words.noCamerasText} />
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links within
        <div
          class="grid"
          data-layout={layoutOf(all.length)}
          ref={grid}
          onKeyDown={(event) => moveFocus(event, grid.current)}
        >
          {all.map((camera) => (
            <Tile key={camera.name} camera={camera} isLarge={all.length === 1} />
          ))}
        </div>
      )}
    </>
  );
}

/** Who records, and what comes in. */
function QuietLine({ all }: { readonly all: readonly Camera[] }) {
  const words = liveWords.value;
  const { language } = voice();
  const recording = all.filter(({ main }) => main.recording?.active).length;
  const bits = all.reduce((sum, { main, sub }) => sum + main.bitrate + (sub?.bitrate ?? 0), 0);
  return (
    <p class="dim quiet">
      {recording > 0 ? words.camerasRecord(recording) : words.camerasCount(all.length)}
      {' · '}
      <span class="digits">{bitRate(bits, language)}</span>
    </p>
  );
}

/** The grid's shape by the number of cameras. */
function layoutOf(count: number): string {
  const limits = [1, 2, 4, 6, 9];
  return String(limits.find((limit) => count <= limit) ?? 'many');
}

/** Arrows go to the neighbour in the order of the grid, 1 to 9 open that camera. */
function moveFocus(event: KeyboardEvent, grid: HTMLElement | null): void {
  const tiles = [...(grid?.querySelectorAll<HTMLElement>('.tile') ?? [])];
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step !== undefined) {
    const at = tiles.indexOf(document.activeElement as HTMLElement);
    tiles[Math.min(tiles.length - 1, Math.max(0, at + step))]?.focus();
    event.preventDefault();
  }
  if (/^[1-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
    tiles[Number(event.key) - 1]?.click();
  }
}
