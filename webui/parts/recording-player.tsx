import { useEffect, useRef } from 'preact/hooks';
import { clipAddress } from '../box/addresses.ts';
import type { Piece } from '../timeline/pieces.ts';

interface RecordingPlayerProps {
  readonly name: string;
  readonly piece: Piece;
  /** A place within the piece, Unix milliseconds. A new object jumps again. */
  readonly jump: { readonly toMs: number } | undefined;
  /** Told a few times a second, Unix milliseconds. */
  readonly onTime: (ms: number) => void;
  readonly onEnd: () => void;
  readonly onFailure: () => void;
}

/** Plays one piece in the browser's own player, which seeks in it by ranges. */
export function RecordingPlayer({ name, piece, jump, onTime, onEnd, onFailure }: RecordingPlayerProps) {
  const video = useRef<HTMLVideoElement>(null);
  const address = clipAddress(name, piece.start, (piece.endMs - piece.startMs) / 1000);
  useEffect(() => {
    if (video.current && jump) {
      video.current.currentTime = (jump.toMs - piece.startMs) / 1000;
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
    // biome-ignore lint/a11y/useMediaCaption: nobody writes captions for what a camera records
    <video
      class="recording"
      ref={video}
      src={address}
      controls
      autoplay
      playsInline
      preload="auto"
      onTimeUpdate={(event) => onTime(piece.startMs + event.currentTarget.currentTime * 1000)}
      onEnded={onEnd}
      onError={(event) => event.currentTarget.hasAttribute('src') && onFailure()}
    />
  );
}
