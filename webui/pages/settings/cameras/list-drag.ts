import { type ReadonlySignal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { placeOf } from './list-order.ts';

export interface Drag {
  readonly from: number;
  readonly to: number;
  readonly byPx: number;
  /** Of the dragged item. */
  readonly heightPx: number;
}

const HOLD_MS = 350;
/** Pixels after which a finger scrolls, and a mouse drags. */
const STILL_PX = 8;
const EDGE_PX = 72;
const SCROLL_PX = 9;

/** Drags items after a long press (at once with a mouse); the others make room. `onDrop` gets the new index. */
export function useListDrag(
  list: RefObject<HTMLElement | null>,
  onDrop: (from: number, to: number) => void,
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
  readonly onDrag: (drag: Drag | undefined) => void;
  readonly onDrop: (from: number, to: number) => void;
}

class ListDragger {
  readonly #list: HTMLElement;
  readonly #options: DragListener;
  readonly #listening = new AbortController();
  #start: { readonly item: number; readonly x: number; readonly y: number; readonly scroll: number } | undefined;
  #heights: readonly number[] = [];
  #drag: Drag | undefined;
  #holding: ReturnType<typeof setTimeout> | undefined;
  #y = 0;
  #wasDragged = false;

  constructor(list: HTMLElement, options: DragListener) {
    this.#list = list;
    this.#options = options;
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
    window.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#up(false), { signal });
  }

  leave(): void {
    this.#up(false);
    this.#listening.abort();
  }

  #items(): HTMLElement[] {
    return [...this.#list.children] as HTMLElement[];
  }

  #down(event: PointerEvent): void {
    const item = this.#items().findIndex((one) => one.contains(event.target as Node));
    this.#wasDragged = false;
    if (item < 0 || event.button !== 0 || !event.isPrimary) {
      return;
    }
    this.#start = { item, x: event.clientX, y: event.clientY, scroll: window.scrollY };
    this.#y = event.clientY;
    clearTimeout(this.#holding);
    this.#holding = setTimeout(() => this.#lift(), HOLD_MS);
  }

  #move(event: PointerEvent): void {
    if (!this.#start) {
      return;
    }
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
    this.#heights = this.#items().map(({ offsetHeight }) => offsetHeight);
    const from = this.#start.item;
    this.#drag = { from, to: from, byPx: 0, heightPx: this.#heights[from] ?? 0 };
    this.#wasDragged = true;
    navigator.vibrate?.(10);
    this.#follow();
    requestAnimationFrame(() => this.#scroll());
  }

  #follow(): void {
    if (!this.#drag || !this.#start) {
      return;
    }
    const byPx = this.#y - this.#start.y + window.scrollY - this.#start.scroll;
    this.#drag = { ...this.#drag, byPx, to: placeOf(this.#heights, this.#drag.from, byPx) };
    this.#options.onDrag(this.#drag);
  }

  /** Scrolls at the edges of the window. */
  #scroll(): void {
    if (!this.#drag) {
      return;
    }
    const by = this.#y < EDGE_PX ? -SCROLL_PX : this.#y > window.innerHeight - EDGE_PX ? SCROLL_PX : 0;
    if (by !== 0) {
      window.scrollBy(0, by);
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

  /** Suppresses the click after a drag. */
  #click(event: MouseEvent): void {
    if (this.#wasDragged) {
      event.preventDefault();
      event.stopPropagation();
      this.#wasDragged = false;
    }
  }
}
