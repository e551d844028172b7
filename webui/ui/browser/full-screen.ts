/** Toggles full screen. On iPhones only a video can be full screen. */
export function toggleFullScreen(screen: HTMLElement | null, video: HTMLVideoElement | null): void {
  if (document.fullscreenElement) {
    document.exitFullscreen();
  } else if (screen?.requestFullscreen) {
    screen.requestFullscreen().catch(() => {});
  } else {
    (video as (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | null)?.webkitEnterFullscreen?.();
  }
}
