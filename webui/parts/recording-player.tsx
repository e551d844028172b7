import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clipAddress } from '../box/addresses.ts';
import type { Piece } from '../timeline/pieces.ts';
import { liveWords } from '../words/words.ts';
import { goFull } from './full-screen.ts';
import { Icon } from './icon.tsx';

interface RecordingPlayerProps {
  readonly name: string;
  readonly piece: Piece;
  /** For who starts and halts it. */
  readonly video: RefObject<HTMLVideoElement | null>;
  /** A place within the piece, Unix milliseconds. A new object jumps again. */
  readonly jump: { readonly toMs: number } | undefined;
  /** Told a few times a second, Unix milliseconds. */
  readonly onTime: (ms: number) => void;
  readonly onEnd: () => void;
  readonly onFailure: () => void;
  /** It plays without a picture: Chromium plays the sound of pictures that it cannot decode. */
  readonly onBlind: () => void;
}

/** Plays one piece; the browser seeks in it by ranges. */
export function RecordingPlayer({ name, piece, video, jump, onTime, onEnd, onFailure, onBlind }: RecordingPlayerProps) {
  const screen = useRef<HTMLDivElement>(null);
  const [isMuted, setMuted] = useState(false);
  const { soundOn, soundOff, fullScreen } = liveWords.value;
  const address = clipAddress(name, piece.start, (piece.endMs - piece.startMs) / 1000);
  useEffect(() => {
    if (video.current && jump) {
      const hadEnded = video.current.ended;
      video.current.currentTime = (jump.toMs - piece.startMs) / 1000;
      if (hadEnded) {
        video.current.play().catch(() => {});
      }
    }
  }, [jump, piece.startMs]);
  useEffect(() => {
    const element = video.current;
    return () => {
      // Frees the decoder and ends the transfer at once, not when it is collected.
      element?.removeAttribute('src');
      element?.load();
    };
  }, []);
  return (
    <div class="recording-screen" ref={screen}>
      <video
        class="recording"
        ref={video}
        src={address}
        muted={isMuted}
        autoplay
        playsInline
        preload="auto"
        onClick={(event) => togglePlay(event.currentTarget)}
        onLoadedMetadata={(event) => event.currentTarget.videoWidth === 0 && onBlind()}
        onTimeUpdate={(event) => onTime(piece.startMs + event.currentTarget.currentTime * 1000)}
        onEnded={onEnd}
        onError={(event) => event.currentTarget.hasAttribute('src') && onFailure()}
      />
      <div class="on-picture">
        <button
          class="round"
          type="button"
          aria-label={isMuted ? soundOn : soundOff}
          onClick={() => setMuted(!isMuted)}
        >
          <Icon name={isMuted ? 'soundOff' : 'sound'} />
        </button>
        <button
          class="round"
          type="button"
          aria-label={fullScreen}
          onClick={() => goFull(screen.current, video.current)}
        >
          <Icon name="full" />
        </button>
      </div>
    </div>
  );
}

export function togglePlay(video: HTMLVideoElement | null): void {
  if (video?.paused) {
    // Refused while it cannot be played; the page says why.
    video.play().catch(() => {});
  } else {
    video?.pause();
  }
}
