import { useEffect, useRef } from 'preact/hooks';
import type { Camera } from '../cameras/camera.ts';
import { cameras } from '../cameras/cameras.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { liveWords } from '../words/words.ts';

/** Explains why a camera has disappeared. */
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
