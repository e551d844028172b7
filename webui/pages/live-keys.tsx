import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Camera } from '../cameras/camera.ts';
import { cameraLink } from '../shell/route.ts';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';

const Finder = lazyPart(() => import('./keyboard-help.tsx').then(({ FindCamera }) => FindCamera));
const Keys = lazyPart(() => import('./keyboard-help.tsx').then(({ LiveKeys }) => LiveKeys));

/** 1 to 9 open that camera, F is the wall, / finds a camera, ? shows the keys. @returns the sheet that is open */
export function useLiveKeys(all: readonly Camera[]): ComponentChildren {
  const [sheet, setSheet] = useState<'find' | 'keys' | undefined>(undefined);
  const latest = useRef(all);
  latest.current = all;
  // Before the first frame: who comes back by a key goes on by the next.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { key, target } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || isElsewhere(target)) {
        return;
      }
      const camera = /^[1-9]$/.test(key) ? latest.current[Number(key) - 1] : undefined;
      if (camera) {
        location.hash = cameraLink(camera.name);
      } else if (key === 'f' || key === 'F') {
        location.hash = '#/wall';
      } else if (key === '/' || key === '?') {
        event.preventDefault();
        setSheet(key === '/' ? 'find' : 'keys');
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
  const close = () => setSheet(undefined);
  return sheet === 'find' ? <Finder all={all} onClosed={close} /> : sheet === 'keys' ? <Keys onClosed={close} /> : null;
}

/** Where one types, or in what lies over the page. */
const isElsewhere = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('input, textarea, select, dialog, [role=menu]') !== null;
