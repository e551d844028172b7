/**
 * Calls `draw` once a loading video has a frame that a canvas can get. `loadeddata` alone is too early: on a busy machine Chromium fires it
 * before it has painted the frame. The callback for the frame alone is too early, too: the frame may not be loaded. Without a source
 * `draw` is not called.
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
