import { signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect } from 'preact/hooks';
import type { Camera } from '../cameras/camera.ts';
import type { Section } from '../cameras/sections.ts';
import { useFocusKept } from '../ui/browser/focus-kept.ts';
import { ORDER_KEYS, orderStepOf } from '../ui/browser/keys.ts';
import { type Drag, ListDragger } from '../ui/controls/list-drag.ts';
import { movedTo, roomFor } from '../ui/controls/list-order.ts';
import { wallWords } from '../words/walls.ts';
import { storeOrder } from './stored-order.ts';
import { tileKeys } from './tile.tsx';

type Shown = readonly Section<Camera>[];

const STEP_MS = 240;

/** What the grid shows, and the place of a camera that was moved, for screen readers. */
let shown: Shown = [];
const said = signal('');

interface TileOrderProps {
  readonly grid: RefObject<HTMLElement | null>;
  readonly sections: Shown;
}

/** The owner sorts the tiles of each section by dragging, by Alt and the up and down keys, or by the menu of a tile. */
export function TileOrder({ grid, sections }: TileOrderProps) {
  shown = sections;
  const order = sections.map(({ cameras: all }) => all.map(({ name }) => name).join('\n')).join('\n\n');
  useFocusKept(grid, order);
  const { orderKeys } = wallWords.value;
  useEffect(() => {
    tileKeys.value = { 'aria-keyshortcuts': ORDER_KEYS, 'aria-description': orderKeys };
  }, [orderKeys]);
  useEffect(
    () => () => {
      tileKeys.value = undefined;
    },
    [],
  );
  useLayoutEffect(() => {
    for (const list of listsOf(grid.current)) {
      place(list, undefined);
    }
  }, [order]);
  useEffect(() => {
    const draggers = listsOf(grid.current).map(
      (list, i) =>
        new ListDragger(list, {
          isGrid: true,
          handle: '.tile',
          onDrag: (drag) => place(list, drag),
          onDrop: (from, to) => move(i, from, to),
        }),
    );
    const { current } = grid;
    current?.addEventListener('keydown', onKey);
    return () => {
      current?.removeEventListener('keydown', onKey);
      for (const dragger of draggers) {
        dragger.leave();
      }
    };
  }, [order]);
  return (
    <p class="visually-hidden" role="status">
      {said.value}
    </p>
  );
}

const listsOf = (grid: HTMLElement | null): HTMLElement[] => [...(grid?.querySelectorAll<HTMLElement>('.grid') ?? [])];

/** Shows where the tile would be dropped: the others make room. */
function place(list: HTMLElement, drag: Drag | undefined): void {
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  for (const [i, cell] of ([...list.children] as HTMLElement[]).entries()) {
    const { style } = cell;
    const isDragged = i === drag?.from;
    const box = drag?.boxes[i];
    const next = drag?.boxes[i + roomFor(i, drag.from, drag.to)];
    const [x, y] =
      !drag || !box || !next ? [0, 0] : isDragged ? [drag.byXPx, drag.byPx] : [next.x - box.x, next.y - box.y];
    style.transform = x === 0 && y === 0 ? '' : `translate(${x}px, ${y}px)`;
    style.transition = drag && !isDragged && !isCalm ? `transform ${STEP_MS}ms` : '';
    style.zIndex = isDragged ? '5' : '';
    style.opacity = isDragged ? '0.85' : '';
  }
}

/** Moves a camera by one place. */
export function moveTile(name: string, by: -1 | 1): void {
  const section = shown.findIndex(({ cameras: all }) => all.some((camera) => camera.name === name));
  const from = shown[section]?.cameras.findIndex((camera) => camera.name === name) ?? -1;
  move(section, from, from + by);
}

/** Moves the focused tile by one place. */
function onKey(event: KeyboardEvent): void {
  const { target, currentTarget } = event;
  const tile = target instanceof HTMLElement ? target.closest<HTMLElement>('.tile') : null;
  const list = tile?.closest<HTMLElement>('.grid');
  const by = orderStepOf(event);
  if (by !== undefined && tile && list) {
    event.preventDefault();
    const from = [...list.querySelectorAll('.tile')].indexOf(tile);
    move(listsOf(currentTarget as HTMLElement).indexOf(list), from, from + by);
  }
}

function move(at: number, from: number, to: number): void {
  const section = shown[at];
  const camera = section?.cameras[from];
  if (!section || !camera || to < 0 || to >= section.cameras.length) {
    return;
  }
  const before = section.cameras.map(({ name }) => name);
  said.value = wallWords.peek().placeOf(camera.title, to + 1, before.length);
  void storeOrder(section.name, movedTo(before, from, to), before);
}
