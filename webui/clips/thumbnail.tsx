import { useEffect, useRef } from 'preact/hooks';
import { spans } from '../timeline/view.ts';
import { nearPicture } from './near-picture.ts';
import { askThumb } from './thumbs.ts';

/** A small picture of a moment of the chosen camera. */
export const Thumb = ({ name, ms }: { readonly name: string; readonly ms: number }) => (
  <RecordedThumb name={name} ms={nearPicture(spans.value, ms)} />
);

interface RecordedThumbProps {
  readonly name: string;
  /** A recorded moment; undefined: there is none. */
  readonly ms: number | undefined;
}

/** A small picture, asked for when it comes into sight. */
export function RecordedThumb({ name, ms: at }: RecordedThumbProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const { current } = canvas;
    if (!current || at === undefined) {
      return undefined;
    }
    let takeBack = () => {};
    const observer = new IntersectionObserver(
      ([entry]) => {
        takeBack();
        if (entry?.isIntersecting) {
          takeBack = askThumb(name, at, (picture) => {
            observer.disconnect();
            draw(current, picture);
          });
        }
      },
      { rootMargin: '25%' },
    );
    observer.observe(current);
    return () => {
      observer.disconnect();
      takeBack();
    };
  }, [name, at]);
  return <canvas class="thumb" width="16" height="9" ref={canvas} />;
}

function draw(canvas: HTMLCanvasElement, picture: HTMLCanvasElement): void {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext('2d')?.drawImage(picture, 0, 0);
}
