import { useEffect, useRef } from 'preact/hooks';
import type { Camera } from '../cameras/camera.ts';
import { cameras } from '../cameras/cameras.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { liveWords } from '../words/words.ts';

/** Whoever looks at pictures is told why one has gone: somebody has removed the camera, or it was there for a while only. */
export function useRemovedCameraToast(): void {
  const before = useRef<readonly Camera[]>([]);
  const all = cameras.value;
  useEffect(() => {
    if (all) {
      const gone = before.current.find(({ name }) => !all.some((one) => one.name === name));
      if (gone) {
        toast(liveWords.peek().isGone(gone.title));
      }
      before.current = all;
    }
  }, [all]);
}
