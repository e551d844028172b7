import { type ReadonlySignal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { type Box, boxAt, placeOf } from './list-order.ts';

export interface Drag {
  readonly from: number;
  readonly to: number;
  readonly byPx: number;
  /** Horizontal distance, which only a grid uses. */
  readonly byXPx: number;
  /** Position and size of the dragged item within the list's content. */
  readonly box: Box;
  /** Of all items, in their order. */
  readonly boxes: readonly Box[];
}

const HOLD_MS = 350;
/** Pixels after which a finger scrolls, and a mouse drags. */
const STILL_PX = 8;
const EDGE_PX = 72;
const SCROLL_PX = 9;

interface ListDragOptions {
  readonly onDrop: (from: number, to: number) => void;
  /** Its items may be next to each other. */
  readonly isGrid?: boolean;
}

/** Drags items after a long press (at once with a mouse); the others make room. `onDrop` gets the new index. */
export function useListDrag(
  list: RefObject<HTMLElement | null>,
  { onDrop, isGrid = false }: ListDragOptions,
): ReadonlySignal<Drag | undefined> {
  const drag = useSignal<Drag | undefined>(undefined);
  const drop = useRef(onDrop);
  drop.current = onDrop;
  useEffect(() => {
    const { current } = list;
    if (!current) {
      return undefined;
    }
    const hand = new ListDragger(current, {
      isGrid,
      onDrag: (now) => {
        drag.value = now;
      },
      onDrop: (from, to) => drop.current(from, to),
    });
    return () => hand.leave();
  }, []);
  return drag;
}

interface DragListener {
  readonly isGrid: boolean;
  /** Drags begin in an element that matches. Default: anywhere in an item. */
  readonly handle?: string;
  readonly onDrag: (drag: Drag | undefined) => void;
  readonly onDrop: (from: number, to: number) => void;
}

/** Drags the children of an element. */
export class ListDragger {
  readonly #list: HTMLElement;
  readonly #options: DragListener;
  readonly #listening = new AbortController();
  readonly #scroller: Element;
  #start: { readonly item: number; readonly x: number; readonly y: number; readonly scroll: number } | undefined;
  /** At the start of the drag. */
  #boxes: readonly Box[] = [];
  #drag: Drag | undefined;
  #holding: ReturnType<typeof setTimeout> | undefined;
  #x = 0;
  #y = 0;
  #wasDragged = false;

  constructor(list: HTMLElement, options: DragListener) {
    this.#list = list;
    this.#options = options;
    this.#scroller = list.closest('.sheet-content') ?? document.documentElement;
    const { signal } = this.#listening;
    list.addEventListener('pointerdown', (event) => this.#down(event), { signal });
    window.addEventListener('pointermove', (event) => this.#move(event), { signal });
    window.addEventListener('pointerup', () => this.#up(true), { signal });
    window.addEventListener('pointercancel', () => this.#up(false), { signal });
    // Scrolling is blocked while dragging.
    list.addEventListener('touchmove', (event) => this.#drag && event.preventDefault(), { signal, passive: false });
    list.addEventListener('contextmenu', (event) => this.#start && event.preventDefault(), { signal });
    list.addEventListener('dragstart', (event) => event.preventDefault(), { signal });
    list.addEventListener('click', (event) => this.#click(event), { signal, capture: true });
    window.addEventListener('keydown', (event) => this.#key(event), { signal });
  }

  leave(): void {
    this.#up(false);
    this.#listening.abort();
  }

  #items(): HTMLElement[] {
    return [...this.#list.children] as HTMLElement[];
  }

  #down(event: PointerEvent): void {
    const target = event.target as Element;
    const { handle } = this.#options;
    const isHandle = handle === undefined || target.closest(handle) !== null;
    const item = isHandle ? this.#items().findIndex((one) => one.contains(target)) : -1;
    this.#wasDragged = false;
    if (!event.isPrimary) {
      // Two fingers zoom the page.
      this.#up(false);
      return;
    }
    if (item < 0 || event.button !== 0) {
      return;
    }
    this.#start = { item, x: event.clientX, y: event.clientY, scroll: this.#scroller.scrollTop };
    this.#x = event.clientX;
    this.#y = event.clientY;
    clearTimeout(this.#holding);
    if (event.pointerType !== 'mouse') {
      this.#holding = setTimeout(() => this.#lift(), HOLD_MS);
    }
  }

  #move(event: PointerEvent): void {
    if (!this.#start) {
      return;
    }
    this.#x = event.clientX;
    this.#y = event.clientY;
    const isFar = Math.hypot(event.clientX - this.#start.x, event.clientY - this.#start.y) > STILL_PX;
    if (!this.#drag && isFar) {
      if (event.pointerType !== 'mouse') {
        this.#up(false);
        return;
      }
      this.#lift();
    }
    this.#follow();
  }

  #lift(): void {
    clearTimeout(this.#holding);
    if (!this.#start || this.#drag) {
      return;
    }
    const { left, top } = this.#list.getBoundingClientRect();
    this.#boxes = this.#items().map((item) => {
      const { x, y, width, height } = item.getBoundingClientRect();
      return { x: x - left, y: y - top, width, height };
    });
    const from = this.#start.item;
    const boxes = this.#boxes;
    const box = boxes[from] ?? { x: 0, y: 0, width: 0, height: 0 };
    this.#drag = { from, to: from, byPx: 0, byXPx: 0, box, boxes };
    this.#wasDragged = true;
    navigator.vibrate?.(10);
    this.#follow();
    requestAnimationFrame(() => this.#scroll());
  }

  #follow(): void {
    if (!this.#drag || !this.#start) {
      return;
    }
    const byPx = this.#y - this.#start.y + this.#scroller.scrollTop - this.#start.scroll;
    const byXPx = this.#x - this.#start.x;
    const { from } = this.#drag;
    const to = this.#options.isGrid ? this.#below() : placeOf(heightsOf(this.#boxes), from, byPx);
    this.#drag = { ...this.#drag, byPx, byXPx, to: to ?? this.#drag.to };
    this.#options.onDrag(this.#drag);
  }

  /** The item whose place is below the pointer. */
  #below(): number | undefined {
    const { left, top } = this.#list.getBoundingClientRect();
    return boxAt(this.#boxes, { x: this.#x - left, y: this.#y - top });
  }

  /** Scrolls at the edges of the window, or of the sheet. */
  #scroll(): void {
    if (!this.#drag) {
      return;
    }
    const isWindow = this.#scroller === document.documentElement;
    const { top, bottom } = isWindow ? { top: 0, bottom: window.innerHeight } : this.#scroller.getBoundingClientRect();
    const by = this.#y < top + EDGE_PX ? -SCROLL_PX : this.#y > bottom - EDGE_PX ? SCROLL_PX : 0;
    if (by !== 0) {
      this.#scroller.scrollBy(0, by);
      this.#follow();
    }
    requestAnimationFrame(() => this.#scroll());
  }

  #up(isDropped: boolean): void {
    clearTimeout(this.#holding);
    const drag = this.#drag;
    this.#start = undefined;
    this.#drag = undefined;
    if (drag) {
      this.#options.onDrag(undefined);
      if (isDropped && drag.to !== drag.from) {
        this.#options.onDrop(drag.from, drag.to);
      }
    }
  }

  /** Escape ends the drag, not the sheet around it. */
  #key(event: KeyboardEvent): void {
    if (event.key === 'Escape' && this.#drag) {
      event.preventDefault();
      this.#up(false);
    }
  }

  /** Suppresses the click after a drag; that of a key has no detail. */
  #click(event: MouseEvent): void {
    if (this.#wasDragged && event.detail > 0) {
      event.preventDefault();
      event.stopPropagation();
      this.#wasDragged = false;
    }
  }
}

const heightsOf = (boxes: readonly Box[]): readonly number[] => boxes.map(({ height }) => height);
