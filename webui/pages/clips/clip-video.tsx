import { useState } from 'preact/hooks';
import { Icon } from '../../ui/icons/icon.tsx';
import { libraryWords } from '../../words/settings/library.ts';

/** Plays a clip with the browser's own controls. */
export function ClipVideo({ address }: { readonly address: string }) {
  const [hasFailed, setFailed] = useState(false);
  const { clipVideo, clipNotPlayed } = libraryWords.value;
  return hasFailed ? (
    <p class="hint bad" role="alert">
      <Icon name="alert" small />
      <span>{clipNotPlayed}</span>
    </p>
  ) : (
    // biome-ignore lint/a11y/useMediaCaption: cameras have no captions
    <video
      class="clip-video"
      aria-label={clipVideo}
      src={address}
      controls
      autoplay
      playsInline
      onError={() => setFailed(true)}
    />
  );
}
