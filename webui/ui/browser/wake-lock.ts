import quietVideo from '../../awake.mp4';

/** Keeps the screen on until `stop`: by a wake lock, else by a silent looping video. */
export function keepScreenAwake(stop: AbortSignal): void {
  if (!('wakeLock' in navigator)) {
    playQuietly(stop);
    return;
  }
  let lock: WakeLockSentinel | undefined;
  const take = async () => {
    // The browser releases it when the page is hidden.
    if (document.visibilityState !== 'visible' || stop.aborted) {
      return;
    }
    const taken = await navigator.wakeLock.request('screen').catch(() => undefined);
    if (stop.aborted) {
      taken?.release();
      return;
    }
    lock = taken;
    if (!taken) {
      playQuietly(stop);
    }
  };
  document.addEventListener('visibilitychange', take, { signal: stop });
  stop.addEventListener('abort', () => lock?.release(), { once: true });
  take();
}

function playQuietly(stop: AbortSignal): void {
  if (document.querySelector('video.awake')) {
    return;
  }
  const video = document.createElement('video');
  video.className = 'awake';
  video.ariaHidden = 'true';
  Object.assign(video, { src: quietVideo, loop: true, playsInline: true, tabIndex: -1 });
  document.body.append(video);
  // Unmuted video with silent audio keeps the screen on; before a user gesture it plays only muted.
  const play = (isMuted: boolean) => {
    video.muted = isMuted;
    return video.play();
  };
  play(false).catch(() => play(true).catch(() => {}));
  document.addEventListener('pointerup', () => void play(false).catch(() => {}), { once: true, signal: stop });
  stop.addEventListener('abort', () => video.remove(), { once: true });
}
