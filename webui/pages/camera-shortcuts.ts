import { useEffect, useRef, useState } from 'preact/hooks';
import type { Camera } from '../cameras/camera.ts';
import { cameraLink } from '../shell/route.ts';
import { hasModifier } from '../ui/browser/keys.ts';

export interface CameraShortcuts {
  readonly sound: () => void;
  readonly full: () => void;
  readonly info: () => void;
  readonly snapshot: () => void;
  readonly small: () => void;
  readonly help: () => void;
  readonly back: () => void;
}

/**
 * Esc back, M audio, F full screen, I information, S snapshot, P picture in picture, ? shortcuts, PageUp and PageDown
 * next camera.
 */
export function useKeys(camera: Camera, all: readonly Camera[], keys: CameraShortcuts): void {
  const latest = useRef(keys);
  latest.current = keys;
  const names = all.map((one) => one.name).join('\n');
  useEffect(() => {
    const step = (by: -1 | 1) => openNeighbour(names.split('\n'), camera.name, by);
    const actions: Readonly<Record<string, () => void>> = {
      Escape: () => latest.current.back(),
      m: () => latest.current.sound(),
      f: () => latest.current.full(),
      i: () => latest.current.info(),
      s: () => latest.current.snapshot(),
      p: () => latest.current.small(),
      '?': () => latest.current.help(),
      PageUp: () => step(-1),
      PageDown: () => step(1),
    };
    const onKey = (event: KeyboardEvent) => {
      // The browser uses Esc to leave full screen.
      const isBrowsers = document.fullscreenElement && event.key === 'Escape';
      if (!hasModifier(event) && !event.repeat && !isBrowsers && !isInSheet(event)) {
        actions[event.key.length === 1 ? event.key.toLowerCase() : event.key]?.();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [camera.name, names]);
}

/** The neighbour in the owner's order, wrapping around. */
export function openNeighbour(order: readonly string[], name: string, by: -1 | 1): void {
  const next = order[(order.indexOf(name) + by + order.length) % order.length];
  location.hash = cameraLink(next ?? name);
}

const isInSheet = ({ target }: Event): boolean => target instanceof Element && target.closest('dialog') !== null;

const IDLE_MS = 3_000;

/** True after a while without pointer and keys, which hides the controls. */
export function useIdle(): boolean {
  const [isIdle, setIdle] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const onSign = () => {
      clearTimeout(timer);
      setIdle(false);
      timer = setTimeout(() => setIdle(true), IDLE_MS);
    };
    const signs = ['pointermove', 'pointerdown', 'keydown', 'focusin'] as const;
    for (const sign of signs) {
      window.addEventListener(sign, onSign);
    }
    onSign();
    return () => {
      clearTimeout(timer);
      for (const sign of signs) {
        window.removeEventListener(sign, onSign);
      }
    };
  }, []);
  return isIdle;
}
