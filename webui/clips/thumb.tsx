import { useEffect, useRef } from 'preact/hooks';
import { spans } from '../timeline/view.ts';
import { nearPicture } from './near-picture.ts';
import { askThumb } from './thumbs.ts';

/** A small picture of a moment, asked for when it comes into sight. */
export function Thumb({ name, ms }: { readonly name: string; readonly ms: number }) {
  const at = nearPicture(spans.value, ms);
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
