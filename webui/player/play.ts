import { PlayError } from './live-session.ts';

/** Begins to play; without the sound where the browser lets a page make none before it was tapped. */
export async function playOrMute(video: HTMLVideoElement): Promise<void> {
  try {
    await video.play();
  } catch (error) {
    if (!isRefusal(error)) {
      return;
    }
    if (!video.muted) {
      video.muted = true;
      await playOrMute(video);
      return;
    }
    // Nothing moves before a tap (a phone that saves its battery).
    document.addEventListener('pointerup', () => video.play().catch(() => {}), { once: true });
  }
}

const isRefusal = (error: unknown): boolean => error instanceof DOMException && error.name === 'NotAllowedError';

/** Resolves when there is a picture to show; rejects when there will be none. */
export async function firstPicture(
  video: HTMLVideoElement,
  failed: Promise<PlayError>,
  limitMs: number,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onData = () => {};
  const shown = new Promise<undefined>((resolve) => {
    onData = () => resolve(undefined);
    video.addEventListener('loadeddata', onData, { once: true });
  });
  const late = new Promise<PlayError>((resolve) => {
    const text = `no picture within ${limitMs / 1000} s`;
    timer = setTimeout(() => resolve(new PlayError('transport', text)), limitMs);
  });
  const failure = await Promise.race([shown, failed, late]);
  clearTimeout(timer);
  video.removeEventListener('loadeddata', onData);
  if (failure) {
    throw failure;
  }
}
