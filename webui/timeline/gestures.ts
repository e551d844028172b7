/** Time constant: the speed falls to 1/e. */
const SLOWING_MS = 325;
/** Pixels per millisecond; slower counts as rest. */
const STANDING = 0.02;
/** Only recent movement counts. */
const MEMORY_MS = 80;

/** Gestures on a timeline. All pixels along its time axis, growing with time. */
export interface GestureTarget {
  /** Position of the pointer along the axis. */
  along(event: { readonly clientX: number; readonly clientY: number }): number;
  /** Drag with the finger at `px`. */
  drag(byPx: number, atPx: number): void;
  /** Inertia after a flick. */
  readonly rolls: boolean;
  /** Wheel. */
  pan(byPx: number): void;
  /** The finger was lifted, and inertia has ended. */
  rest(): void;
  /**
   * Scroll across the axis.
   * @param clientY current or initial position
   * @returns true if there was something to scroll
   */
  scroll(byPx: number, clientY: number): boolean;
  /** `factor` above 1 zooms in. */
  zoom(factor: number, atPx: number): void;
  tap(atPx: number, event: PointerEvent): void;
  hover(atPx: number | undefined): void;
}

const TAP_PX = 8;
const DOUBLE_TAP_MS = 300;
const NOTCH_FACTOR = 1.25;
/** A notch of a mouse wheel; touchpads send many small deltas. */
const NOTCH_PX = 100;
const DOUBLE_TAP_FACTOR = 2;

/** @returns removes the listeners */
export function watchGestures(element: HTMLElement, target: GestureTarget): () => void {
  const hand = new TouchGestures(target);
  const stop = new AbortController();
  const { signal } = stop;
  const on = <E extends keyof HTMLElementEventMap>(type: E, listener: (event: HTMLElementEventMap[E]) => void) =>
    element.addEventListener(type, listener, { signal, passive: false });
  on('pointerdown', (event) => {
    // Elements over the timeline have gestures of their own.
    if (event.button === 0 && !(event.target as Element).closest('button, a, [data-own-gestures]')) {
      element.setPointerCapture(event.pointerId);
      hand.down(event);
    }
  });
  on('pointermove', (event) => hand.move(event));
  on('pointerup', (event) => hand.up(event));
  on('pointercancel', (event) => hand.cancel(event));
  on('pointerleave', () => target.hover(undefined));
  on('wheel', (event) => {
    event.preventDefault();
    wheel(target, event);
  });
  return () => {
    stop.abort();
    hand.halt();
  };
}

/** Vertical wheel scrolls or zooms, horizontal wheel and Shift move. Pinches arrive with Ctrl. */
function wheel(target: GestureTarget, event: WheelEvent): void {
  const scale = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : NOTCH_PX / 3;
  const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
  if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
    target.pan(-sideways * scale);
    return;
  }
  if (!event.ctrlKey && target.scroll(event.deltaY * scale, event.clientY)) {
    return;
  }
  const notches = Math.max(-3, Math.min(3, (event.deltaY * scale) / NOTCH_PX));
  target.zoom(NOTCH_FACTOR ** -notches, target.along(event));
}

interface Finger {
  px: number;
  readonly x: number;
  readonly y: number;
  lastY: number;
}

/** One finger drags, two zoom, a flick has inertia. */
class TouchGestures {
  readonly #target: GestureTarget;
  /** Position of each finger along the axis. */
  readonly #fingers = new Map<number, Finger>();
  #meter = new VelocityTracker();
  #hasMoved = false;
  /** Whether the finger scrolls; undefined until it has moved far enough. */
  #scrolls: boolean | undefined;
  #lastTap: { readonly atMs: number; readonly px: number } | undefined;
  #frame = 0;

  constructor(target: GestureTarget) {
    this.#target = target;
  }

  down(event: PointerEvent): void {
    this.halt();
    const px = this.#target.along(event);
    this.#fingers.set(event.pointerId, { px, x: event.clientX, y: event.clientY, lastY: event.clientY });
    if (this.#fingers.size === 1) {
      this.#hasMoved = false;
      this.#scrolls = undefined;
      this.#meter = new VelocityTracker();
      this.#meter.add(event.timeStamp, px);
    }
    this.#target.hover(undefined);
  }

  move(event: PointerEvent): void {
    const px = this.#target.along(event);
    const finger = this.#fingers.get(event.pointerId);
    if (!finger) {
      if (event.pointerType === 'mouse') {
        this.#target.hover(px);
      }
      return;
    }
    if (this.#fingers.size === 2) {
      this.#pinch(event.pointerId, px);
      return;
    }
    this.#hasMoved ||= Math.hypot(event.clientX - finger.x, event.clientY - finger.y) > TAP_PX;
    if (this.#hasMoved && this.#fingers.size === 1 && !this.#scroll(event, finger)) {
      this.#target.drag(px - finger.px, px);
      finger.px = px;
      this.#meter.add(event.timeStamp, px);
    }
  }

  /** A mouse has its wheel. */
  #scroll({ clientX, clientY, pointerType }: PointerEvent, finger: Finger): boolean {
    const isSteep = () => Math.abs(clientY - finger.y) > Math.abs(clientX - finger.x);
    if (this.#scrolls === false || pointerType === 'mouse' || (this.#scrolls === undefined && !isSteep())) {
      this.#scrolls = false;
      return false;
    }
    this.#scrolls = this.#target.scroll(finger.lastY - clientY, finger.y) || this.#scrolls === true;
    finger.lastY = clientY;
    return this.#scrolls;
  }

  #pinch(id: number, px: number): void {
    const all = [...this.#fingers.entries()];
    const other = all.find(([key]) => key !== id)?.[1].px ?? px;
    const before = this.#fingers.get(id)?.px ?? px;
    const [wide, narrow] = [Math.abs(px - other), Math.abs(before - other)];
    this.#hasMoved = true;
    if (wide > 1 && narrow > 1) {
      this.#target.zoom(wide / narrow, (px + other) / 2);
    }
    const finger = this.#fingers.get(id);
    if (finger) {
      finger.px = px;
    }
  }

  up(event: PointerEvent): void {
    if (!this.#fingers.delete(event.pointerId) || this.#fingers.size > 0) {
      // The remaining finger continues from its position.
      this.#meter = new VelocityTracker();
      return;
    }
    if (this.#scrolls) {
      return;
    }
    if (this.#hasMoved) {
      this.#roll(this.#meter.at(event.timeStamp), this.#target.along(event));
    } else {
      this.#tap(event);
    }
  }

  #tap(event: PointerEvent): void {
    const px = this.#target.along(event);
    const before = this.#lastTap;
    if (before && event.timeStamp - before.atMs < DOUBLE_TAP_MS && Math.abs(px - before.px) < 3 * TAP_PX) {
      this.#lastTap = undefined;
      this.#target.zoom(DOUBLE_TAP_FACTOR, px);
      return;
    }
    this.#lastTap = { atMs: event.timeStamp, px };
    this.#target.tap(px, event);
  }

  cancel(event: PointerEvent): void {
    if (this.#fingers.delete(event.pointerId) && this.#fingers.size === 0 && this.#hasMoved && !this.#scrolls) {
      this.#target.rest();
    }
  }

  #roll(speed: number, atPx: number): void {
    let startMs: number | undefined;
    let done = 0;
    const isStill = !this.#target.rolls || matchMedia('(prefers-reduced-motion: reduce)').matches;
    const step = (nowMs: number) => {
      startMs ??= nowMs;
      const { px, isOver } = inertiaAt(isStill ? 0 : speed, nowMs - startMs);
      if (px !== done) {
        this.#target.drag(px - done, atPx);
        done = px;
      }
      if (isOver) {
        this.#frame = 0;
        this.#target.rest();
      } else {
        this.#frame = requestAnimationFrame(step);
      }
    };
    this.#frame = requestAnimationFrame(step);
  }

  /** Stops inertia. */
  halt(): void {
    if (this.#frame !== 0) {
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
      this.#target.rest();
    }
  }
}

/** Speed of a finger from its recent positions. */
export class VelocityTracker {
  #points: { readonly atMs: number; readonly px: number }[] = [];

  add(atMs: number, px: number): void {
    this.#points = this.#points.filter((point) => atMs - point.atMs <= MEMORY_MS);
    this.#points.push({ atMs, px });
  }

  /** Pixels per millisecond at release; 0 if it rested before. */
  at(liftedMs: number): number {
    const [first] = this.#points;
    const last = this.#points.at(-1);
    if (!first || !last || last.atMs === first.atMs || liftedMs - last.atMs > MEMORY_MS) {
      return 0;
    }
    return (last.px - first.px) / (last.atMs - first.atMs);
  }
}

/** Distance since the release, and whether it continues. */
export function inertiaAt(speed: number, sinceMs: number): { readonly px: number; readonly isOver: boolean } {
  const left = Math.exp(-sinceMs / SLOWING_MS);
  return { px: speed * SLOWING_MS * (1 - left), isOver: Math.abs(speed) * left < STANDING };
}
