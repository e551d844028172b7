/**
 * Calls `draw` once, when a loading video has a frame that a canvas gets. On a busy machine Chromium fires `loadeddata` before it has
 * painted the frame, and the canvas stays empty; or calls back for the frame before it has loaded it. Without a source nothing is drawn.
 */
export function whenDrawable(video: HTMLVideoElement, draw: () => void): void {
  let awaited = 1;
  const arrive = () => {
    awaited -= 1;
    if (awaited === 0 && video.hasAttribute('src')) {
      draw();
    }
  };
  video.onloadeddata = arrive;
  if ('requestVideoFrameCallback' in video) {
    awaited += 1;
    video.requestVideoFrameCallback(arrive);
  }
}
