interface SafariVideo extends HTMLVideoElement {
  readonly webkitSupportsPresentationMode?: (mode: string) => boolean;
  readonly webkitPresentationMode?: string;
  readonly webkitSetPresentationMode?: (mode: string) => void;
}

/** Whether this browser shows a video in a small window of its own. */
export const supportsPictureInPicture = (video: SafariVideo): boolean =>
  document.pictureInPictureEnabled || video.webkitSupportsPresentationMode?.('picture-in-picture') === true;

/** There and back. */
export async function togglePictureInPicture(video: SafariVideo): Promise<void> {
  if (document.pictureInPictureElement) {
    await document.exitPictureInPicture();
  } else if (document.pictureInPictureEnabled) {
    // Before the first picture there is nothing to show.
    await video.requestPictureInPicture().catch(() => {});
  } else {
    const isSmall = video.webkitPresentationMode === 'picture-in-picture';
    video.webkitSetPresentationMode?.(isSmall ? 'inline' : 'picture-in-picture');
  }
}
