interface SafariVideo extends HTMLVideoElement {
  readonly webkitSupportsPresentationMode?: (mode: string) => boolean;
  readonly webkitPresentationMode?: string;
  readonly webkitSetPresentationMode?: (mode: string) => void;
}

export const supportsPictureInPicture = (video: SafariVideo): boolean =>
  document.pictureInPictureEnabled || video.webkitSupportsPresentationMode?.('picture-in-picture') === true;

export async function togglePictureInPicture(video: SafariVideo): Promise<void> {
  if (document.pictureInPictureElement) {
    await document.exitPictureInPicture();
  } else if (document.pictureInPictureEnabled) {
    // There is no video yet.
    await video.requestPictureInPicture().catch(() => {});
  } else {
    const isSmall = video.webkitPresentationMode === 'picture-in-picture';
    video.webkitSetPresentationMode?.(isSmall ? 'inline' : 'picture-in-picture');
  }
}
